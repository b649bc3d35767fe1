// SPDX-License-Identifier: Apache-2.0

import FerryBasics
public import FerryCodecs
import FerryPeers

/// What a round's exchange sends, measured by running it without links.
public enum ExchangeProbe {
  /// The bytes of all frames that one member sends in one all-reduce, headers included: the
  /// production machines are run among themselves, and what leaves them is counted.
  ///
  /// - Parameters:
  ///   - elements: of the vector, ≥ 0.
  ///   - members: how many, ≥ 1.
  /// - Returns: the mean over the members.
  public static func bytesSent(
    elements: Int, members: Int, codec: CodecKind, algorithm: AllReduceAlgorithm = .automatic
  ) -> Int {
    let weights = Array(repeating: 1.0, count: max(1, members))
    let stage = GroupMessage.Stage(view: 1, round: 1)
    let values = Array(repeating: Float(0), count: elements)
    var machines: [any AllReduceMachine] = []
    var bytes = 0
    var queue: [(from: Int, Outgoing)] = []
    do {
      for rank in weights.indices {
        let reduction = try Reduction(
          rank: rank, weights: weights, codec: codec.codec(), operation: .mean, seed: Seed(0))
        machines.append(algorithm.machine(values, in: reduction))
      }
      for rank in machines.indices {
        queue += try machines[rank].start().map { (rank, $0) }
      }
      var next = 0
      while next < queue.count {
        let (from, outgoing) = queue[next]
        next += 1
        bytes += GroupMessage.chunk(stage, outgoing.chunk).frame().payload.count
        let to = outgoing.rank
        queue += try machines[to].receive(outgoing.chunk, from: from).map { (to, $0) }
      }
    } catch {
      preconditionFailure("an exchange of zeros failed: \(error)")
    }
    return bytes / weights.count
  }
}
