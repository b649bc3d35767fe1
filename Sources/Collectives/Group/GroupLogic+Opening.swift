// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryPeers

/// How a round's exchange begins: what it is about, in what memory, and what comes with `ready`.
extension GroupLogic {
  func reduction(
    _ weights: [Double], in view: View, topology: Topology = Topology()
  ) throws(CollectiveError) -> Reduction {
    var reduction = try Reduction(
      rank: view.rank(of: me)!, weights: weights, codec: settings.codec.codec(),
      operation: settings.operation, seed: settings.seed.derived("round", committed + 1),
      topology: topology)
    reduction.chunkPrefix = GroupMessage.chunkPrefix(
      .init(view: view.number, round: committed + 1))
    reduction.fingerprintSeed = fingerprintSeed
    return reduction
  }

  /// Of the round's result.
  var fingerprintSeed: Seed { settings.seed.derived("digest", committed + 1) }

  /// This member's own values cannot be sent: the others go on without it.
  mutating func giveUp(_ error: CollectiveError, at now: Duration) -> [LinkAction] {
    pass(.trouble(reason: "\(error)", without: [me]), at: now)
  }

  /// Whether the exchange begins with the word that a member is ready: one message less to wait for.
  func opensOnReady(_ count: Int, in view: View) -> Bool {
    let codec = settings.codec.codec()
    let choice = settings.algorithm.choice(count: count, world: view.members.count, codec: codec)
    let bytes = codec.byteCount(for: count)
    return choice.algorithm == .oneShot && bytes > 0 && bytes <= AllReduceAlgorithm.oneShotBytesMax
  }

  /// What a one-shot machine sends first; it does not depend on the weights, not known yet.
  func opening(_ values: [Float], in view: View) throws(CollectiveError) -> [UInt8] {
    let weights = Array(repeating: 1.0, count: view.members.count)
    var machine = OneShot<Float>(values, in: try reduction(weights, in: view))
    return try machine.start().first?.chunk.encoded() ?? []
  }
}
