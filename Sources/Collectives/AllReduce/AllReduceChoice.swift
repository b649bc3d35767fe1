// SPDX-License-Identifier: Apache-2.0

public import FerryPlanning

extension AllReduceAlgorithm {
  /// What it costs over links that are all alike; nil for `.automatic`, which is none, and for
  /// `.hierarchical`, which is for links that are not.
  ///
  /// - Parameters:
  ///   - world: members, 1 to `AllReduceCost.worldMax`.
  ///   - bytes: of the encoded vector, 0 to `AllReduceCost.bytesMax`.
  public func cost(world: Int, bytes: Int) -> AllReduceCost? {
    switch self {
    case .automatic, .hierarchical: nil
    case .oneShot: .oneShot(world: world, bytes: bytes)
    case .direct: .direct(world: world, bytes: bytes)
    case .halvingDoubling: .halvingDoubling(world: world, bytes: bytes)
    case .ring: .ring(world: world, bytes: bytes)
    case .tree: .tree(world: world, bytes: bytes)
    case .star: .star(world: world, bytes: bytes)
    }
  }
}

/// The way that should be fastest, and why.
public struct AllReduceChoice: Sendable, Equatable {
  /// The way.
  public let algorithm: AllReduceAlgorithm
  /// How long it should take.
  public let time: Duration
  /// The reason, as a sentence for log and status.
  public let reason: String

  /// The fastest of some ways; of equals the one listed first in `AllReduceAlgorithm`, which has the
  /// fewer hops.
  ///
  /// - Parameters:
  ///   - algorithms: to choose from; at least one must have a `cost`.
  ///   - world: members, 1 to `AllReduceCost.worldMax`.
  ///   - bytes: of the encoded vector, 0 to `AllReduceCost.bytesMax`.
  public static func best(
    of algorithms: [AllReduceAlgorithm] = AllReduceAlgorithm.allCases, world: Int, bytes: Int,
    over link: LinkProfile
  ) -> AllReduceChoice {
    let timed = AllReduceAlgorithm.allCases.filter(algorithms.contains).compactMap { algorithm in
      algorithm.cost(world: world, bytes: bytes).map {
        (algorithm: algorithm, cost: $0, time: $0.time(over: link))
      }
    }
    precondition(!timed.isEmpty, "no way to choose from")
    var best = timed[0]
    for one in timed.dropFirst() where one.time < best.time { best = one }
    let second = timed.filter { $0.algorithm != best.algorithm }.min { $0.time < $1.time }
    guard world > 1 else {
      return AllReduceChoice(
        algorithm: best.algorithm, time: .zero,
        reason: "\(best.algorithm.rawValue): one member has its sum")
    }
    let hops = best.cost.hops
    let series = Int(best.cost.bytesInSeries.rounded())
    var reason =
      "\(best.algorithm.rawValue): \(hops) \(hops == 1 ? "hop" : "hops") and \(series) bytes over one "
      + "link should take \(text(best.time))"
    if let second { reason += ", \(second.algorithm.rawValue) \(text(second.time))" }
    return AllReduceChoice(algorithm: best.algorithm, time: best.time, reason: reason)
  }

  /// A time with three or more digits that count.
  static func text(_ time: Duration) -> String {
    let (seconds, attoseconds) = time.components
    let microseconds = Int(attoseconds / 1_000_000_000_000)
    if seconds >= 10 { return "\(seconds) s" }
    let milliseconds = Int(seconds) * 1000 + microseconds / 1000
    return milliseconds >= 10
      ? "\(milliseconds) ms" : "\(Int(seconds) * 1_000_000 + microseconds) µs"
  }
}
