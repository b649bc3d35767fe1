// SPDX-License-Identifier: Apache-2.0

import FerryPeers

/// What one member knows of the links of its group, and its part in measuring them.
///
/// Members take turns, by rank, so that one pair is measured at a time; the view's first member
/// begins. Figures belong to machines, not to lives: who comes back is known already.
struct Paths: Sendable {
  /// A view may change again at once; then nothing was begun in vain.
  static let settleTime: Duration = .milliseconds(100)
  /// All is measured again after this.
  static let refreshEvery: Duration = .seconds(300)
  /// What is still not known is measured after this, and somewhat later in larger groups.
  static let retryEvery: Duration = .seconds(10)
  /// Links that seem to differ are measured once more after this, before anything is planned by it.
  static let confirmAfter: Duration = .seconds(1)
  /// Of two measurements within this time the faster counts.
  static let sameTime: Duration = .seconds(30)
  /// The table is told at most so often.
  static let tellEvery: Duration = .milliseconds(100)
  /// Round trips are looked at so often.
  static let lookEvery: Duration = .seconds(1)
  /// Figures of so many fellows are kept; those of members first.
  static let fellowsMax = 4 * PathProbe.membersMax
  /// Choices that are kept.
  static let choicesMax = 64

  /// The ways to this member.
  private(set) var mine: [PeerID: PathMessage.Row] = [:]
  /// When their speeds were measured.
  private var learntAt: [PeerID: Duration] = [:]
  /// Times that the links were measured, all of them, since there were new ones.
  private var sweeps = 0
  /// What the others said of the ways to them.
  private var others: [PeerID: [PeerID: PathMessage.Row]] = [:]
  private var told: [PeerID: PathMessage.Row] = [:]
  private(set) var mustTell = false
  private var tellAt: Duration = .zero
  private var lookAt: Duration = .zero

  private var sweepAt: Duration?
  private var wholeAt: Duration = .zero
  /// The fellows still to be measured in this member's turn; nil when it is another's.
  var queue: [Member]?
  /// In this turn, known links are measured as well.
  private(set) var isWhole = false
  var probe: OutgoingProbe?
  private var incoming: [PeerID: IncomingProbe] = [:]
  private var probes: UInt64 = 0
  /// Grows with all other bulk that comes or goes.
  private(set) var besides = 0

  /// Exchanges that took a planned way.
  var followed = 0

  private var planner: (members: [Member], planner: PathPlanner?)?
  private var choices: [PathTask: PathChoice] = [:]

  // MARK: Tables

  /// A fellow's table came.
  mutating func heard(_ rows: [PathMessage.Row], from fellow: PeerID) {
    others[fellow] = Dictionary(rows.map { ($0.from, $0) }) { $1 }
    forgetPlans()
  }

  /// The speed of the way from a fellow was measured.
  mutating func learnt(speed: Double, from fellow: PeerID, at now: Duration) {
    var row = mine[fellow] ?? .init(from: fellow, speed: 0, trip: 0)
    let isAgain = learntAt[fellow].map { now - $0 < Self.sameTime } ?? false
    let code = max(PathFigure.code(speed), isAgain ? row.speed : 0)
    learntAt[fellow] = now
    if PathFigure.differ(row.speed, code) { row.speed = code }
    enter(row)
  }

  private mutating func enter(_ row: PathMessage.Row) {
    guard mine[row.from] != row, mine[row.from] != nil || mine.count < Self.fellowsMax
    else { return }
    mine[row.from] = row
    mustTell = true
    forgetPlans()
  }

  private mutating func forgetPlans() {
    planner = nil
    choices = [:]
  }

  /// What this member tells the others.
  mutating func table(of view: View, at now: Duration) -> [PathMessage.Row] {
    mustTell = false
    tellAt = now + Self.tellEvery
    return view.members.compactMap { mine[$0.id] }
  }

  /// Round trips as the links see them now; a new one is taken over where it is clearly another.
  mutating func look(at now: Duration, _ trips: [(PeerID, Duration)]) {
    lookAt = now + Self.lookEvery
    for (fellow, trip) in trips {
      let code = PathFigure.code(trip / .microseconds(1))
      var row = mine[fellow] ?? .init(from: fellow, speed: 0, trip: 0)
      guard row.trip == 0 || abs(Int(row.trip) - Int(code)) > PathMap.alikeSteps else { continue }
      row.trip = code
      enter(row)
    }
  }

  private func row(_ from: PeerID, _ to: PeerID, me: PeerID) -> PathMessage.Row? {
    to == me ? mine[from] : others[to]?[from]
  }

  /// The ways between some members; nil while not all of them are known.
  func map(_ members: [Member], me: PeerID) -> PathMap? {
    let ids = members.map(\.id)
    return PathMap(members.count) { from, to in
      row(ids[from], ids[to], me: me)?.speed ?? 0
    } trip: { from, to in
      // Both ends see the same trip; the shorter has waited less.
      let seen = [row(ids[from], ids[to], me: me)?.trip, row(ids[to], ids[from], me: me)?.trip]
      return seen.compactMap(\.self).filter { $0 > 0 }.min() ?? 0
    }
  }

  /// The best way for an operation among some members.
  mutating func choice(
    _ task: PathTask, among members: [Member], me: PeerID,
    usual: (algorithm: AllReduceAlgorithm, reason: String)
  ) -> PathChoice {
    if planner?.members != members {
      planner = (members, map(members, me: me).map { PathPlanner($0) })
      choices = [:]
    }
    guard let planner = planner?.planner, isTrusted(planner.map) else {
      return PathChoice(plan: nil, algorithm: usual.algorithm, time: nil, reason: usual.reason)
    }
    if let known = choices[task] { return known }
    if choices.count >= Self.choicesMax { choices = [:] }
    let choice = planner.choice(task, usual: usual)
    choices[task] = choice
    return choice
  }

  /// Whether ways may be planned by it: what seems to differ was measured twice.
  private func isTrusted(_ map: PathMap) -> Bool { map.isEven || sweeps > 1 }

  /// Whether nothing is left to be measured for now.
  func isSettled(_ members: [Member], me: PeerID) -> Bool {
    map(members, me: me).map(isTrusted) ?? false
  }

  // MARK: Turns

  /// All, or all that was not known, was measured.
  mutating func sweepEnded() {
    sweeps += 1
    forgetPlans()
  }

  mutating func viewChanged(to view: View, me: Member, at now: Duration) {
    let ids = Set(view.members.map(\.id))
    others = others.filter { ids.contains($0.key) }
    if mine.count > Self.fellowsMax / 2 { mine = mine.filter { ids.contains($0.key) } }
    (queue, probe, incoming) = (nil, nil, [:])
    if view.members.contains(where: { $0 != me && (mine[$0.id]?.speed ?? 0) == 0 }) { sweeps = 0 }
    learntAt = learntAt.filter { ids.contains($0.key) }
    forgetPlans()
    // Newcomers have heard nothing yet.
    mustTell = true
    sweepAt = view.members.first == me ? now + Self.settleTime : nil
  }

  mutating func forgetGroup() {
    (queue, probe, incoming, others, sweepAt) = (nil, nil, [:], [:], nil)
    mustTell = false
    forgetPlans()
  }

  /// The first member's turn has come: whether all is measured again. Nil when it has not.
  mutating func beginSweep(_ members: [Member], me: PeerID, at now: Duration) -> Bool? {
    guard let due = sweepAt, now >= due, queue == nil else { return nil }
    sweepAt = now + Self.retryEvery + .milliseconds(200) * (members.count * members.count)
    let isKnown = members.allSatisfy { to in
      members.allSatisfy { $0 == to || (row($0.id, to.id, me: me)?.speed ?? 0) > 0 }
    }
    if now >= wholeAt {
      let isFirst = wholeAt == .zero
      wholeAt = now + Self.refreshEvery
      return !isFirst
    }
    guard isKnown else { return false }
    if !isSettled(members, me: me), map(members, me: me) != nil { return true }
    return nil
  }

  /// All have had their turn: what seems to differ is looked at again soon.
  mutating func endSweep(_ members: [Member], me: PeerID, at now: Duration) {
    sweepEnded()
    if map(members, me: me).map({ !isTrusted($0) }) ?? false {
      sweepAt = min(sweepAt ?? now, now + Self.confirmAfter)
    }
  }

  mutating func beginTurn(_ members: [Member], me: Member, isWhole: Bool) {
    self.isWhole = isWhole
    queue = members.filter { fellow in
      fellow != me && (isWhole || (row(me.id, fellow.id, me: me.id)?.speed ?? 0) == 0)
    }
    probe = nil
  }

  mutating func nextProbe(to fellow: Member) -> OutgoingProbe {
    probes += 1
    return OutgoingProbe(fellow: fellow, number: probes)
  }

  mutating func take(
    _ train: PathMessage.Train, from fellow: PeerID, trip: Duration?, at now: Duration
  ) -> PathMessage.Verdict? {
    if incoming[fellow]?.isOf(train.probe) != true {
      incoming[fellow] = IncomingProbe(number: train.probe)
    }
    guard
      let (verdict, speed) = incoming[fellow]!.take(
        train, besides: besides, trip: trip, at: now)
    else { return nil }
    if let speed { learnt(speed: speed, from: fellow, at: now) }
    return verdict
  }

  mutating func somethingElseMoved() { besides &+= 1 }

  /// When something is due that no message brings.
  var nextDue: Duration {
    var due = lookAt
    if mustTell { due = min(due, tellAt) }
    if let sweepAt, queue == nil { due = min(due, sweepAt) }
    if let probe { due = min(due, probe.deadline) }
    return due
  }

  func mayTell(at now: Duration) -> Bool { mustTell && now >= tellAt }
  func shouldLook(at now: Duration) -> Bool { now >= lookAt }
}
