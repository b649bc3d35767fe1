// SPDX-License-Identifier: Apache-2.0

public import FerryCodecs

/// Which way an all-reduce takes.
public enum AllReduceAlgorithm: String, Sendable, CaseIterable {
  /// `OneShot`, `Direct` or `Ring`, by codec and size; `choice` says which and why.
  case automatic
  case ring
  case direct
  case oneShot = "one-shot"

  /// A rank sends at most this many encoded bytes in one shot: fewer than a hop costs.
  public static let oneShotBytesMax = 48 << 10
  /// Vectors of at most this many encoded bytes go direct: their time is hops, not bandwidth.
  public static let directBytesMax = 1 << 20

  /// What is done, and the reason as a sentence for log and status.
  ///
  /// Depends only on what all ranks know alike, so that all choose the same.
  /// - Returns: one that has a machine, never `.automatic`.
  public func choice(
    count: Int, world: Int, codec: any Codec
  ) -> (algorithm: AllReduceAlgorithm, reason: String) {
    let bytes = codec.byteCount(for: count)
    switch self {
    case .ring: return (.ring, "ring: configured")
    case .direct: return (.direct, "direct: configured")
    case .oneShot: return (.oneShot, "one-shot: configured")
    case .automatic where world > 1 && bytes * (world - 1) <= Self.oneShotBytesMax:
      return (.oneShot, "one-shot: \(bytes) bytes to each cost less than another hop")
    case .automatic where world <= 2:
      return (.direct, "direct: with \(world) ranks it is the ring")
    case .automatic where codec.isLossy:
      return (
        .direct,
        "direct: \(codec.name) rounds, and a ring would round once more at each of its hops"
      )
    case .automatic where bytes <= Self.directBytesMax:
      return (.direct, "direct: \(bytes) bytes are few, and two hops are fast")
    case .automatic:
      return (
        .ring, "ring: \(bytes) bytes of \(codec.name) are many, and every link carries the same"
      )
    }
  }

  /// This rank's machine.
  public func machine(_ values: [Float], in reduction: Reduction) -> any AllReduceMachine {
    switch choice(count: values.count, world: reduction.world, codec: reduction.codec).algorithm {
    case .oneShot: OneShot(values, in: reduction)
    case .ring: Ring(values, in: reduction)
    case .direct, .automatic: Direct(values, in: reduction)
    }
  }
}
