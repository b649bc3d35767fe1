// SPDX-License-Identifier: Apache-2.0

extension Membership {
  /// The waits that no measurement can replace; each is stretched by the links' measured round trips.
  public struct Timing: Sendable {
    /// How long a closed link may take to come back before its peer is left out.
    public var relinkGrace: Duration = .milliseconds(150)
    /// How long a candidate waits for answers from peers whose link is up.
    public var gatherMax: Duration = .milliseconds(700)
    /// What each more senior member that is still there adds to a peer's patience.
    public var stagger: Duration = .milliseconds(60)
    /// How long a promise may rest without a new view.
    public var frozenMax: Duration = .milliseconds(1200)
    /// How long a leaving peer waits for the others to agree before it goes all the same.
    public var leaveMax: Duration = .seconds(3)
    public var knockEvery: Duration = .milliseconds(200)
    public var pingEvery: Duration = .seconds(1)
    /// The longest time between two ticks.
    public var tickMax: Duration = .milliseconds(500)

    public init() {}
  }
}

/// Smoothed round trips with their spread, a peer each (RFC 6298, section 2).
struct RoundTrips: Sendable {
  private struct Estimate: Sendable {
    var mean: Duration
    var spread: Duration
    /// The shortest of late: without what waited in queues.
    var least: Duration
  }

  /// A link never counts as slower than this, so that one hiccup does not stretch every deadline.
  private static let roundTripMax: Duration = .seconds(3)

  private var estimates: [PeerID: Estimate] = [:]
  private var pending: [PeerID: (number: UInt64, at: Duration)] = [:]
  private var number: UInt64 = 0

  /// The number to send in a ping.
  mutating func sent(to peer: PeerID, at now: Duration) -> UInt64 {
    number += 1
    pending[peer] = (number, now)
    return number
  }

  mutating func heard(_ number: UInt64, from peer: PeerID, at now: Duration) {
    guard let sent = pending[peer], sent.number == number else { return }
    pending[peer] = nil
    let sample = min(now - sent.at, Self.roundTripMax)
    if let old = estimates[peer] {
      let error = old.mean > sample ? old.mean - sample : sample - old.mean
      estimates[peer] = Estimate(
        mean: old.mean + (sample - old.mean) / 8, spread: old.spread + (error - old.spread) / 4,
        least: min(sample, old.least + (old.mean - old.least) / 64))
    } else {
      estimates[peer] = Estimate(mean: sample, spread: sample / 2, least: sample)
    }
  }

  mutating func forget(_ peer: PeerID) {
    estimates[peer] = nil
    pending[peer] = nil
  }

  /// Mean and twice the spread of the slowest link; zero before the first answer.
  var worst: Duration {
    estimates.values.map { $0.mean + $0.spread * 2 }.max() ?? .zero
  }

  func least(of peer: PeerID) -> Duration? { estimates[peer]?.least }
}

extension Membership {
  /// The round trip to a peer without what waits in queues; nil before the first answer.
  package func roundTrip(to peer: PeerID) -> Duration? { roundTrips.least(of: peer) }
}
