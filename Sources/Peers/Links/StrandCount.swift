// SPDX-License-Identifier: Apache-2.0

/// How many strands a link should have, learnt from its path.
///
/// None where the round trip is short: one connection fills such a path. On a long one several open
/// their windows sooner, and lose less speed with every lost packet; they begin as `few`. Where
/// packets are lost they are doubled, each time once the speed has stopped growing by itself, as long
/// as the last doubling has made the link clearly faster.
package struct StrandCount: Sendable {
  /// Below this round trip a link keeps to its one connection.
  package static let roundTripMin = Duration.milliseconds(2)
  /// What a long path begins with: more would take from each other where links fill a line together.
  package static let few = 2
  /// How much faster a link must have become to count as faster.
  private static let gain = 1.1
  /// Loss on a long path that calls for more strands: one segment in so many.
  private static let segmentsALossMin = 5000
  /// The same on a short path. There one connection makes up for a loss within a few milliseconds, and
  /// loses some by itself where it fills a queue on the way; two of them would only fill it sooner.
  private static let segmentsALossMinShort = 100
  /// So many measurements in a row must have found it there: a burst as windows open is none.
  private static let lossesMin = 3

  private let forced: Int?
  /// What the link should have now.
  package private(set) var wanted: Int
  /// The speed that was reached with fewer strands, in bytes a second.
  private var best = 0.0
  /// The highest speed so far with as many as now.
  private var recent: Double?
  private var isSettled = false
  /// Measurements in a row that found much lost, on a short path.
  private var losses = 0

  /// - Parameter forced: the number, whatever is measured.
  package init(forced: Int?) {
    self.forced = forced.map { min($0, LinkLimits.strandsMax) }
    wanted = self.forced ?? 0
  }

  /// The round trip is known, before any bulk was sent.
  package mutating func learned(roundTrip: Duration) {
    if forced == nil, roundTrip >= Self.roundTripMin { wanted = max(wanted, Self.few) }
  }

  /// So many bytes left in a time in which there was always more to send.
  ///
  /// - Parameters:
  ///   - strands: how many carried them.
  ///   - resent: of so many segments sent, how many were sent again.
  package mutating func measured(
    bytes: Int, over time: Duration, strands: Int, resent: Int, of segments: Int
  ) {
    guard forced == nil, !isSettled, time > .zero else { return }
    let rare = wanted == 0 ? Self.segmentsALossMinShort : Self.segmentsALossMin
    let isLossy = resent * rare > segments
    if wanted == 0 {
      losses = isLossy && resent > 1 ? losses + 1 : 0
      if losses == Self.lossesMin {
        // What two must beat, or the losses are the link's own doing.
        best = Double(bytes) / (time / .seconds(1))
        wanted = 2
      }
      return
    }
    // Those asked for are not all there yet.
    guard strands >= wanted else { return }
    let rate = Double(bytes) / (time / .seconds(1))
    guard let recent, rate <= recent * Self.gain else {
      // Windows are still opening: more strands would take credit for that.
      recent = rate
      return
    }
    let reached = max(rate, recent)
    if isLossy, reached > best * Self.gain, wanted < LinkLimits.strandsMax {
      (best, self.recent) = (reached, nil)
      wanted = min(2 * wanted, LinkLimits.strandsMax)
    } else if isLossy {
      isSettled = true
    }
  }
}
