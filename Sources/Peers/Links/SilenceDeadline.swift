// SPDX-License-Identifier: Apache-2.0

/// How long a link may stay silent before its peer counts as lost, learnt from how it was so far.
///
/// Follows TCP's retransmission timer (Jacobson 1988): a moving mean of the gaps between arrivals,
/// a moving mean of their deviation, and a deadline of 2 · mean + k · deviation + round trip, within
/// bounds; twice the mean, so that one lost sign of life is no alarm. Gaps are judged once a window, by the longest in it, so that a burst of bulk bytes does not make the
/// link look more punctual than its heartbeats are.
package struct SilenceDeadline: Sendable {
  package let floor: Duration
  package let ceiling: Duration
  package let window: Duration
  /// The k above. TCP takes 4; a false alarm costs us a view change, so more.
  package static let deviations = 6

  package private(set) var lastHeard: Duration
  /// Round trip, as a moving mean with weight 1/8; nil before the first.
  package private(set) var roundTrip: Duration?
  private var gapMean: Duration
  private var gapDeviation: Duration
  private var windowBegan: Duration
  private var longestInWindow = Duration.zero

  /// - Parameters:
  ///   - now: when the link came up.
  ///   - window: how often the other side shows life at least.
  package init(floor: Duration, ceiling: Duration, window: Duration, now: Duration) {
    precondition(floor <= ceiling, "a floor of \(floor) over a ceiling of \(ceiling)")
    self.floor = floor
    self.ceiling = ceiling
    self.window = window
    lastHeard = now
    windowBegan = now
    gapMean = window
    gapDeviation = window / 2
  }

  /// Something arrived.
  package mutating func heard(at now: Duration) {
    longestInWindow = max(longestInWindow, now - lastHeard)
    lastHeard = now
    if now - windowBegan >= window {
      let error = longestInWindow - gapMean
      gapMean += error / 8
      gapDeviation += ((error < .zero ? .zero - error : error) - gapDeviation) / 4
      windowBegan = now
      longestInWindow = .zero
    }
  }

  /// A ping came back.
  package mutating func measured(roundTrip sample: Duration) {
    roundTrip = roundTrip.map { $0 + (sample - $0) / 8 } ?? sample
  }

  /// This process did not run for a while: that silence was its own.
  package mutating func forgive(_ pause: Duration, now: Duration) {
    lastHeard = min(now, lastHeard + pause)
    windowBegan = now
    longestInWindow = .zero
  }

  /// The silence allowed now.
  package var allowed: Duration {
    min(ceiling, max(floor, gapMean * 2 + gapDeviation * Self.deviations + (roundTrip ?? .zero)))
  }

  /// When the silence has lasted too long.
  package var expires: Duration { lastHeard + allowed }
}
