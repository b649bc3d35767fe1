// SPDX-License-Identifier: Apache-2.0

import FerryCodecs

/// Which way an all-reduce takes.
public enum AllReduceAlgorithm: String, Sendable, CaseIterable {
  /// `Direct` or `Ring`, by codec and size; `choice` says which and why.
  case automatic
  case ring
  case direct

  /// Vectors of at most this many encoded bytes go direct: their time is hops, not bandwidth.
  public static let directBytesMax = 1 << 20

  /// What is done, and the reason as a sentence for log and status.
  ///
  /// Depends only on what all ranks know alike, so that all choose the same.
  /// - Returns: `.ring` or `.direct`, never `.automatic`.
  public func choice(
    count: Int, in reduction: Reduction
  ) -> (algorithm: AllReduceAlgorithm, reason: String) {
    let codec = reduction.codec.name
    let bytes = reduction.codec.byteCount(for: count)
    switch self {
    case .ring: return (.ring, "ring: configured")
    case .direct: return (.direct, "direct: configured")
    case .automatic where reduction.world <= 2:
      return (.direct, "direct: with \(reduction.world) ranks it is the ring")
    case .automatic where reduction.codec.isLossy:
      return (
        .direct, "direct: \(codec) rounds, and a ring would round once more at each of its hops"
      )
    case .automatic where bytes <= Self.directBytesMax:
      return (.direct, "direct: \(bytes) bytes are few, and two hops are fastest")
    case .automatic:
      return (.ring, "ring: \(bytes) bytes of \(codec) are many, and every link carries the same")
    }
  }

  /// This rank's machine.
  public func machine(_ values: [Float], in reduction: Reduction) -> any AllReduceMachine {
    switch choice(count: values.count, in: reduction).algorithm {
    case .ring: Ring(values, in: reduction)
    case .direct, .automatic: Direct(values, in: reduction)
    }
  }
}
