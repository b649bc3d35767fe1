// SPDX-License-Identifier: Apache-2.0

/// How fast each of several links may send that go through this machine's one line, learnt from what
/// they lose together.
///
/// Connections that fill a line find their shares by losing packets: a dozen of them lose a third of
/// what they send, and send it again. So once two links or more were seen to lose much while all of
/// them had more to send, each goes no faster than its part of what the line carried then, and a
/// little more, so that a line that has become faster is noticed.
package struct LineShare: Sendable, Equatable {
  /// Much: more than one segment in so many.
  private static let segmentsALossMin = 50
  /// Of what the line has carried.
  private static let headroom = 1.05
  /// What is left of a speed that the line does not reach any more, after each time.
  private static let fall = 0.9

  /// What the line carries, in bytes a second; nil while links that share it do not lose much.
  package private(set) var speed: Double?

  package init() {}

  /// So many bytes arrived in a time in which so many links always had more to send.
  ///
  /// - Parameter resent: of so many segments sent, how many were sent again.
  package mutating func measured(
    bytes: Int, over time: Duration, links: Int, resent: Int, of segments: Int
  ) {
    // The system's counts of segments have 32 bits, and bytes are told in segments, whose size may
    // change: what fell says nothing.
    guard links > 1, bytes > 0, segments > 0, resent >= 0, time > .zero else { return }
    let rate = Double(bytes) / (time / .seconds(1))
    if resent * Self.segmentsALossMin > segments {
      speed = max(rate, Self.fall * (speed ?? 0))
    } else {
      speed = speed.map { max($0, rate) }
    }
  }

  /// What each of so many links with bulk to send may send, in bytes a second; nil for any speed.
  package func each(of links: Int) -> Double? {
    links > 1 ? speed.map { $0 * Self.headroom / Double(links) } : nil
  }
}
