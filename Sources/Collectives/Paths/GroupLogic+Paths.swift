// SPDX-License-Identifier: Apache-2.0

import FerryBasics
public import FerryCodecs
public import FerryPeers
public import FerryTensors

/// Measuring the links of the group, and choosing ways by them.
extension GroupLogic {
  /// How many exchanges of this member took a planned way.
  public var plansFollowed: Int { paths.followed }

  // MARK: The way of an exchange

  /// The plan that this member proposes with its `ready`, where the way is left open and the choice
  /// is this member's.
  mutating func proposedPlan(
    _ count: Int, of operation: Operation, among members: [Member]
  ) -> PathPlan? {
    guard operation.isWayOpen, members[operation.proposer] == me else { return nil }
    return pathChoice(count, of: operation, among: members).plan
  }

  /// The operation of a call, by the way that was agreed on; nil when the plan is nonsense, which is
  /// then the exchange's trouble.
  mutating func followPlan(of call: Call, in exchange: Exchange) -> Operation? {
    var operation = call.operation(among: exchange.members)
    do {
      let plan = try exchange.plan(
        of: operation, isOpened: call.opensOnReady(world: exchange.members.count))
      if let plan {
        (operation.algorithm, operation.topology) = (plan.algorithm, plan.topology)
        paths.followed += 1
      }
      return operation
    } catch {
      exchange.blame(exchange.badPlan(error, of: operation))
      return nil
    }
  }

  private mutating func pathChoice(
    _ count: Int, of operation: Operation, among members: [Member]
  ) -> PathChoice {
    let usual = operation.usualWay(count: count, world: members.count)
    // In one shot it has begun when the plan comes.
    guard usual.algorithm != .oneShot, members.count > 2 else {
      return PathChoice(plan: nil, algorithm: usual.algorithm, time: nil, reason: usual.reason)
    }
    return paths.choice(
      PathTask(operation, count: count, world: members.count), among: members, me: me.id,
      usual: usual)
  }

  /// The way that an all-reduce of so many elements takes among all members now, if it is left
  /// open, and how long it should take.
  public mutating func pathChoice(
    _ count: Int, of type: ElementType = .f32, codec: CodecKind = .float32
  ) -> PathChoice? {
    guard let view else { return nil }
    let operation = Operation(.allReduce, codec: codec, elementType: type)
    var choice = pathChoice(count, of: operation, among: view.members)
    choice.isMeasured = knowsPaths
    return choice
  }

  /// What the ways from others to this member carry, in bytes a second, as far as it is measured.
  public var measuredSpeeds: [PeerID: Double] {
    paths.mine.compactMapValues { PathFigure.value($0.speed) }
  }

  /// Whether all pairs of members are measured; true where there is nothing to measure.
  public var knowsPaths: Bool {
    guard let view, measuresPaths else { return true }
    return paths.isSettled(view.members, me: me.id)
  }

  // MARK: From others

  private var measuresPaths: Bool {
    guard settings.measuresPaths, hasState, let count = view?.members.count else { return false }
    return (3...PathProbe.membersMax).contains(count)
  }

  mutating func receive(_ message: PathMessage, from member: Member, at now: Duration)
    -> [LinkAction]
  {
    guard let view, view.rank(of: member) != nil else { return [] }
    switch message {
    case .train(let train):
      guard
        let verdict = paths.take(
          train, from: member.id, trip: membership.roundTrip(to: member.id), at: now)
      else { return [] }
      return [
        .send(member.id, GroupMessage.paths(.heard(probe: train.probe, verdict)).frame())
      ]
    case .heard(let number, let verdict):
      guard paths.probe?.fellow == member, paths.probe?.number == number else { return [] }
      guard paths.probe!.take(verdict) else {
        paths.probe = nil
        return []
      }
      guard !isExchanging else {
        // It begins anew when the links are free.
        paths.probe = nil
        paths.queue?.insert(member, at: 0)
        return []
      }
      return sendTrain(at: now)
    case .turn(let number, let isWhole):
      // A newcomer without the state yet begins when it has it.
      guard number == view.number, paths.queue == nil else { return [] }
      guard view.members.first != me else {
        paths.endSweep(view.members, me: me.id, at: now)
        return []
      }
      paths.beginTurn(view.members, me: me, isWhole: isWhole)
      return []
    case .table(let rows):
      paths.heard(rows, from: member.id)
      return []
    }
  }

  // MARK: Time

  /// Does what is due: begins a turn, measures the next fellow, tells what was learnt.
  mutating func tickPaths(at now: Duration) -> [LinkAction] {
    guard let view, measuresPaths, !membership.isFrozen else { return [] }
    var actions: [LinkAction] = []
    if paths.shouldLook(at: now) {
      paths.look(
        at: now,
        view.members.compactMap { member in
          membership.roundTrip(to: member.id).map { (member.id, $0) }
        })
    }
    if paths.mayTell(at: now) {
      actions += broadcast(.paths(.table(paths.table(of: view, at: now))))
    }
    if let isWhole = paths.beginSweep(view.members, me: me.id, at: now) {
      paths.beginTurn(view.members, me: me, isWhole: isWhole)
    }
    if let probe = paths.probe, now >= probe.deadline { paths.probe = nil }
    return actions + goOnMeasuring(in: view, at: now)
  }

  /// While nothing else wants the links.
  private mutating func goOnMeasuring(in view: View, at now: Duration) -> [LinkAction] {
    guard paths.queue != nil, paths.probe == nil, !isExchanging else { return [] }
    while let fellow = paths.queue?.first {
      paths.queue!.removeFirst()
      guard membership.isLinked(fellow) else { continue }
      paths.probe = paths.nextProbe(to: fellow)
      return sendTrain(at: now)
    }
    paths.queue = nil
    let next = (view.rank(of: me)! + 1) % view.members.count
    if view.members.first != me { paths.sweepEnded() }
    let turn = PathMessage.turn(view: view.number, isWhole: paths.isWhole)
    return [.send(view.members[next].id, GroupMessage.paths(turn).frame())]
  }

  private mutating func sendTrain(at now: Duration) -> [LinkAction] {
    guard let fellow = paths.probe?.fellow, let frames = paths.probe?.frames(at: now)
    else { return [] }
    return frames.map { .send(fellow.id, $0) }
  }

  /// A round or an operation moves its values.
  private var isExchanging: Bool {
    attempt?.isUnderWay == true || channels.contains { $0.value.exchange?.isUnderWay == true }
  }

  func pathsWake(at now: Duration) -> Duration {
    guard measuresPaths, !membership.isFrozen else { return .seconds(1 << 40) }
    return max(paths.nextDue, now + .milliseconds(1))
  }
}

extension Exchange {
  /// What was proposed by the one whose choice it is; all are ready.
  ///
  /// - Parameter isOpened: the exchange began with `ready` already, in one shot.
  /// - Throws: when it cannot be followed, the proposer the culprit.
  func plan(of operation: Operation, isOpened: Bool) throws(CollectiveError) -> PathPlan? {
    guard let plan = said[operation.proposer].plan else { return nil }
    try plan.check(
      operation, world: members.count, isOpen: operation.isWayOpen && !isOpened)
    return plan
  }

  /// The same, for a proposer that sends nonsense: who is to be left out.
  func badPlan(_ error: CollectiveError, of operation: Operation) -> Trouble {
    let proposer = members[operation.proposer]
    return Trouble(
      reason: "\(proposer.id.short) proposed a bad plan: \(error.what)", without: [proposer])
  }
}
