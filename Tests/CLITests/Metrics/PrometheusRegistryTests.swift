// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Testing
import ferry

@Suite("Prometheus registry")
struct PrometheusRegistryTests {
  @Test("counters, gauges and timers become exposition text")
  func text() {
    let registry = PrometheusRegistry()
    let factory = PrometheusFactory(registry: registry)
    Counter(
      label: "ferry.peers.sent.bytes", dimensions: [("purpose", "exchange")], factory: factory
    )
    .increment(by: 1500)
    Counter(label: "ferry.peers.sent.bytes", dimensions: [("purpose", "a\"b")], factory: factory)
      .increment(by: 2)
    Gauge(label: "ferry.run.round", factory: factory).record(7)
    let timer = CoreMetrics.Timer(label: "ferry.round", factory: factory)
    timer.recordMilliseconds(250)
    timer.recordMilliseconds(500)
    #expect(
      registry.text == """
        # TYPE ferry_peers_sent_bytes_total counter
        ferry_peers_sent_bytes_total{purpose="a\\"b"} 2
        ferry_peers_sent_bytes_total{purpose="exchange"} 1500
        # TYPE ferry_round_seconds summary
        ferry_round_seconds_sum 0.75
        ferry_round_seconds_count 2
        # TYPE ferry_run_round gauge
        ferry_run_round 7

        """)
  }

  @Test("labels gone wild cost no memory")
  func bounded() {
    let registry = PrometheusRegistry()
    for number in 0..<PrometheusRegistry.seriesMax + 10 {
      registry.set("gauge", [("n", "\(number)")], to: 1)
    }
    #expect(registry.text.split(separator: "\n").count == PrometheusRegistry.seriesMax + 1)
  }

  @Test("a run's own figures are among them, without a peer as a label")
  func statusText() {
    let text = sampleStatus().metricsText
    #expect(text.contains("ferry_run_round 12\n"))
    #expect(text.contains("ferry_run_sent_bytes_total{purpose=\"catch-up\"} 5\n"))
    #expect(!text.contains("12D3KooW"))
  }
}
