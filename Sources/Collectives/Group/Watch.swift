// SPDX-License-Identifier: Apache-2.0

import FerryPeers

/// How long the group bears with a member or an exchange that does not move.
public struct Patience: Sendable {
  /// No member is left out for slowness before this, whatever was measured.
  public var workMin: Duration = .seconds(20)
  /// The same before any progress was measured, when a model may still be loading.
  public var workFirst: Duration = .seconds(120)
  /// A member may take this many times the longest pause between two signs of progress so far.
  public var workFactor = 8
  /// Late members are told to hand in what they have after this wait, and not before half the time
  /// that the others took.
  public var hurryMin: Duration = .seconds(2)
  public var exchangeMin: Duration = .seconds(2)
  /// An exchange may rest this many times its longest rest so far.
  public var exchangeFactor = 8

  public init() {}
}

/// Tells a slow member from one that is stuck, by deadlines learnt from what was seen.
///
/// Links report peers that are gone or silent; this is for those whose link lives while their work,
/// or the exchange, does not move. Any progress starts the wait anew.
struct Watch: Sendable {
  struct Verdict {
    var reason: String
    var without: [Member]
  }

  let patience: Patience
  private(set) var permille: [Member: Int] = [:]
  private var lastMove: [Member: Duration] = [:]
  private var longestPause: Duration?
  private var exchangeMovedAt: Duration?
  private var longestRest: Duration = .zero
  private var began: Duration = .zero
  private var lastReady: Duration?

  init(patience: Patience) { self.patience = patience }

  mutating func heard(permille value: Int, from member: Member, at now: Duration) {
    let old = permille[member] ?? 0
    guard value > old else { return }
    if let last = lastMove[member], old > 0 {
      longestPause = max(longestPause ?? .zero, now - last)
    }
    permille[member] = value
    lastMove[member] = now
  }

  mutating func exchangeMoved(at now: Duration) {
    if let last = exchangeMovedAt { longestRest = max(longestRest, now - last) }
    exchangeMovedAt = now
  }

  /// An exchange beside the rounds moved again after a rest.
  mutating func rested(_ rest: Duration) { longestRest = max(longestRest, rest) }

  /// Whether exchanges have rested too long since one moved, as the beginning of a sentence.
  func restedTooLong(since moved: Duration, pace: Duration, at now: Duration) -> String? {
    now - moved > exchangeMax(pace: pace) ? "an exchange rested for \(now - moved)" : nil
  }

  mutating func roundBegan(at now: Duration) {
    began = now
    permille = [:]
    lastMove = [:]
    exchangeMovedAt = nil
    lastReady = nil
  }

  mutating func roundEnded(at now: Duration) { roundBegan(at: now) }

  mutating func viewChanged(to view: View, at now: Duration) {
    // An aborted exchange says nothing about how long one may rest.
    exchangeMovedAt = nil
    began = now
    lastMove = [:]
    permille = permille.filter { view.rank(of: $0.key) != nil }
  }

  /// Any sign of life that is not a sign of work: a newcomer that fetches the state.
  mutating func touched(_ member: Member, at now: Duration) { lastMove[member] = now }

  private var workMax: Duration {
    guard let longestPause else { return patience.workFirst }
    return max(patience.workMin, longestPause * patience.workFactor)
  }

  private func exchangeMax(pace: Duration) -> Duration {
    max(patience.exchangeMin, longestRest * patience.exchangeFactor) + pace * 8
  }

  /// Whether those who are ready have waited long enough, going by what they took themselves.
  func shouldHurry(at now: Duration) -> Bool {
    guard let lastReady else { return false }
    return now - lastReady > max(patience.hurryMin, (lastReady - began) / 2)
  }

  /// What is stuck, if anything is.
  func verdict(on attempt: Exchange, pace: Duration, at now: Duration) -> Verdict? {
    if let moved = exchangeMovedAt, attempt.isUnderWay {
      let limit = exchangeMax(pace: pace)
      guard now - moved > limit else { return nil }
      let names = attempt.names(attempt.late)
      return Verdict(
        reason: "the exchange rested for \(now - moved), waiting for \(names)", without: [])
    }
    guard attempt.isAnnounced else { return nil }
    let late = attempt.late.filter { now - (lastMove[$0] ?? began) > workMax }
    guard !late.isEmpty else { return nil }
    let names = late.map(\.id.short).joined(separator: ", ")
    return Verdict(
      reason: "\(names) made no progress for \(workMax), eight times the longest pause seen",
      without: late)
  }

  /// When to look again.
  func nextCheck(at now: Duration) -> Duration { now + .milliseconds(500) }
}
