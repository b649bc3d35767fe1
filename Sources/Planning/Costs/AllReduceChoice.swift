// SPDX-License-Identifier: Apache-2.0

/// The way that should be fastest, and why.
public struct AllReduceChoice: Sendable, Equatable {
  /// The way.
  public let method: AllReduceMethod
  /// How long it should take.
  public let time: Duration
  /// The reason, as a sentence for log and status.
  public let reason: String

  /// The fastest of some methods; of equals the one listed first in `AllReduceMethod`, which has the
  /// fewer hops.
  ///
  /// - Parameters:
  ///   - methods: to choose from, at least one.
  ///   - world: members, 1 to `AllReduceMethod.worldMax`.
  ///   - bytes: of the vector, 0 to `AllReduceMethod.bytesMax`.
  public static func best(
    of methods: [AllReduceMethod] = AllReduceMethod.allCases, world: Int, bytes: Int,
    over link: LinkProfile
  ) -> AllReduceChoice {
    precondition(!methods.isEmpty, "no method to choose from")
    let timed = AllReduceMethod.allCases.filter(methods.contains)
      .map { (method: $0, time: $0.time(world: world, bytes: bytes, over: link)) }
    var best = timed[0]
    for one in timed.dropFirst() where one.time < best.time { best = one }
    let second = timed.filter { $0.method != best.method }.min { $0.time < $1.time }
    guard world > 1 else {
      return AllReduceChoice(
        method: best.method, time: .zero, reason: "\(best.method.rawValue): one member has its sum")
    }
    let hops = best.method.hops(world: world)
    let series = Int(best.method.bytesInSeries(world: world, bytes: bytes).rounded())
    var reason =
      "\(best.method.rawValue): \(hops) \(hops == 1 ? "hop" : "hops") and \(series) bytes over one "
      + "link should take \(text(best.time))"
    if let second { reason += ", \(second.method.rawValue) \(text(second.time))" }
    return AllReduceChoice(method: best.method, time: best.time, reason: reason)
  }

  /// A time with three or more digits that count.
  private static func text(_ time: Duration) -> String {
    let (seconds, attoseconds) = time.components
    let microseconds = Int(attoseconds / 1_000_000_000_000)
    if seconds >= 10 { return "\(seconds) s" }
    let milliseconds = Int(seconds) * 1000 + microseconds / 1000
    return milliseconds >= 10
      ? "\(milliseconds) ms" : "\(Int(seconds) * 1_000_000 + microseconds) µs"
  }
}
