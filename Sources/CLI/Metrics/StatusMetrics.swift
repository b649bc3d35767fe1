// SPDX-License-Identifier: Apache-2.0

extension RunStatus {
  /// The run's own figures for Prometheus; a peer is never a label.
  package var metricsText: String {
    let registry = PrometheusRegistry()
    registry.set("ferry.run.round", [], to: Double(round))
    registry.set("ferry.run.rounds", [], to: Double(rounds))
    registry.set("ferry.run.view", [], to: Double(view))
    registry.set("ferry.run.tokens", [], to: Double(tokens))
    registry.set("ferry.run.speed.tokens_per_second", [], to: tokensPerSecond)
    registry.set(
      "ferry.run.members", [], to: Double(peers.count { $0.state == .member }))
    if let loss { registry.set("ferry.run.loss.bits_per_byte", [], to: loss) }
    if let validation { registry.set("ferry.run.validation.bits_per_byte", [], to: validation) }
    for (purpose, bytes) in sent.byName {
      registry.increment("ferry.run.sent.bytes", [("purpose", purpose)], by: Double(bytes))
    }
    registry.increment("ferry.run.data_parallel.bytes", [], by: Double(dataParallelBytes))
    return registry.text
  }
}

extension BytesByPurpose {
  /// Purposes in the order that reports show them, with their stable names.
  package var byName: [(name: String, bytes: Int)] {
    [
      ("exchange", exchange), ("catch-up", catchUp), ("membership", membership),
      ("heartbeat", heartbeat), ("handshake", handshake),
    ]
  }
}
