// SPDX-License-Identifier: Apache-2.0

/// A peer's own clock: begins somewhere and runs a little fast or slow.
///
/// World time is whole nanoseconds; drift is in parts per million, so that the same seed gives the
/// same bits on every machine.
package struct SkewedClock: Sendable {
  /// World time when the peer started, in nanoseconds.
  let birth: Int64
  /// What the clock showed then, in nanoseconds.
  let offset: Int64
  /// Above zero: runs fast.
  let driftPerMillion: Int64

  /// The drift that still cannot overflow within `worldNanosecondsMax`.
  static let driftPerMillionMax: Int64 = 200_000

  package init(birth: Int64, offset: Int64, driftPerMillion: Int64) {
    precondition(
      abs(driftPerMillion) <= Self.driftPerMillionMax,
      "a drift of \(driftPerMillion) parts per million is over \(Self.driftPerMillionMax)")
    self.birth = birth
    self.offset = offset
    self.driftPerMillion = driftPerMillion
  }

  /// What the clock shows at world time `time`.
  package func local(at time: Int64) -> Int64 {
    let elapsed = time - birth
    return offset + elapsed + elapsed * driftPerMillion / 1_000_000
  }

  /// The first world time at which the clock shows `local` or later.
  package func world(whenShowing local: Int64) -> Int64 {
    let shown = local - offset
    guard shown > 0 else { return birth }
    var time = birth + Int64(Double(shown) / (1 + Double(driftPerMillion) / 1e6))
    // The division above is inexact; a peer must never be woken before the time it asked for.
    while self.local(at: time) < local { time += 1 }
    while time > birth, self.local(at: time - 1) >= local { time -= 1 }
    return time
  }
}

/// The longest a world may run: 10 hours, in nanoseconds, so that no time sum overflows.
package let worldNanosecondsMax: Int64 = 36_000_000_000_000

extension Duration {
  /// Whole nanoseconds, cut off at the longest world time on either side.
  package var worldNanoseconds: Int64 {
    if self > .nanoseconds(worldNanosecondsMax) { return worldNanosecondsMax }
    if self < .nanoseconds(-worldNanosecondsMax) { return -worldNanosecondsMax }
    let (seconds, attoseconds) = components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }
}
