// SPDX-License-Identifier: Apache-2.0

internal import CPCCL
import FerryBasics
import FerryCollectives
import FerryPeers
import Foundation

/// What a `pcclComm_t *` points to: a peer of a run, and the thread that goes through its rounds.
///
/// The program's threads put calls in and wait for their results. The communicator's thread takes part
/// in a round of the group whenever something is to be done, and follows the `Agenda`.
final class Communicator: @unchecked Sendable {
  // SAFETY: everything that changes is touched while `condition` is locked, the group itself is
  // Sendable, and places are used by this object's thread alone (see `Place`).
  let master: PeerAddress
  let peerGroup: UInt32

  private let condition = NSCondition()
  private var group: PeerGroup?
  private var rendezvous: RendezvousClient?
  private var agenda: Agenda?
  private var operations: [UInt64: PendingReduce] = [:]
  /// Tags of operations that are not done, oldest first.
  private var underWay: [UInt64] = []
  private var common: PendingCommon?
  private var isClosing = false
  private var hasEnded = false

  /// How long one turn waits before it looks whether the program ends the communicator.
  private static var turnMax: Duration { .milliseconds(250) }
  /// The longest rest between two rounds that found nothing that all peers wait for.
  private static let restMax = 0.02
  private static var lettingInMax: Duration { .seconds(10) }
  private static var leavingMax: Duration { .seconds(5) }

  init(master: PeerAddress, peerGroup: UInt32) {
    self.master = master
    self.peerGroup = peerGroup
  }

  // MARK: Coming and going

  var isConnected: Bool { locked { group != nil } }

  /// Finds the run and waits until it has taken this peer in.
  func connect() -> pcclResult_t {
    do {
      let rendezvous = try RendezvousClient(master: master, peerGroup: peerGroup)
      guard let (group, agenda) = try enter(rendezvous) else {
        rendezvous.stop()
        return pcclMasterConnectionFailed
      }
      rendezvous.report(group.address, world: agenda.accepted.count)
      locked {
        (self.group, self.agenda, self.rendezvous) = (group, agenda, rendezvous)
      }
      let thread = Thread { [self] in run(group) }
      thread.name = "ferry-pccl"
      thread.start()
      return locked {
        while !isAccepted, !isClosing { condition.wait() }
        return isClosing ? pcclMasterConnectionFailed : pcclSuccess
      }
    } catch {
      Complaint.say("\(error)")
      return pcclMasterConnectionFailed
    }
  }

  /// The group, and what it does next; nil when nobody answers at the master's address.
  private func enter(_ rendezvous: RendezvousClient) throws -> (PeerGroup, Agenda)? {
    let settings = try Terms.settings(master: master, peerGroup: peerGroup)
    while true {
      switch rendezvous.ask() {
      case .unreachable(let reason):
        Complaint.say("no master at \(master): \(reason)")
        return nil
      case .found:
        return (try PeerGroup.found(settings), Agenda())
      case .join(let addresses):
        for address in addresses {
          do {
            let (group, state) = try PeerGroup.join(
              at: address, settings, within: Self.lettingInMax)
            return (group, try Agenda(state: state.tensors))
          } catch let error as CollectiveError where error.code == .deadline {
            continue
          }
        }
      }
    }
  }

  /// Leaves the run; the thread has ended when this returns.
  func close() {
    let (group, rendezvous) = locked {
      isClosing = true
      condition.broadcast()
      while self.group != nil, !hasEnded { condition.wait() }
      return (self.group, self.rendezvous)
    }
    // A deadline only means that the others find out by themselves.
    try? group?.leave(within: Self.leavingMax)
    rendezvous?.stop()
  }

  private var isAccepted: Bool {
    guard let agenda, let group else { return false }
    return agenda.accepted.contains(group.me)
  }

  // MARK: What the program asks

  /// The members of the peer group, and of all others by group, as far as known.
  var worlds: [UInt32: Int] {
    locked {
      var worlds = rendezvous?.worlds ?? [:]
      worlds[peerGroup] = agenda?.accepted.count ?? 0
      return worlds
    }
  }

  var isReducing: Bool { locked { !underWay.isEmpty } }

  /// - Returns: an argument error, or nil when the operation is under way.
  func start(_ operation: PendingReduce) -> pcclResult_t? {
    locked {
      guard (agenda?.accepted.count ?? 0) > 1 else { return pcclTooFewPeers }
      guard operations[operation.call.tag] == nil else { return pcclInvalidArgument }
      operations[operation.call.tag] = operation
      underWay.append(operation.call.tag)
      condition.broadcast()
      return nil
    }
  }

  /// Waits for an operation and forgets it; nil for a tag that nothing was started with.
  func await(_ tag: UInt64) -> PendingReduce? {
    locked {
      while let operation = operations[tag], operation.result == nil {
        if isClosing { break }
        condition.wait()
      }
      return operations.removeValue(forKey: tag)
    }
  }

  /// Makes a call together with all other peers, and waits for what comes of it.
  func make(_ call: PendingCommon) -> PendingCommon {
    locked {
      common = call
      condition.broadcast()
      while let waiting = common, waiting.result == nil, !isClosing { condition.wait() }
      defer { common = nil }
      var done = common ?? call
      if done.result == nil { done.result = pcclInvalidUsage }
      return done
    }
  }

  private func locked<Value>(_ body: () throws -> Value) rethrows -> Value {
    condition.lock()
    defer { condition.unlock() }
    return try body()
  }

  // MARK: Rounds

  /// What this peer brings to the next round.
  private struct Turn {
    var agenda: Agenda
    var part: Part
    var values: [Float]
    var isAccepted: Bool
  }

  private func run(_ group: PeerGroup) {
    defer {
      locked {
        hasEnded = true
        isClosing = true
        condition.broadcast()
      }
    }
    var rest = 0.0
    var last = Part()
    while let turn = nextTurn(resting: rest, after: last) {
      do {
        guard let outcome = try exchange(turn, group) else { return }
        let moved = try follow(outcome, turn)
        rest = moved ? 0 : min(Self.restMax, max(0.0005, 2 * rest))
        last = turn.part
      } catch let error as CollectiveError where error.code == .evicted {
        Complaint.say("\(error)")
        guard reenter(group) else { return }
      } catch {
        Complaint.say("\(error)")
        failAll(pcclInternalError)
        return
      }
    }
  }

  /// Waits until there is something to do; nil when the communicator is to end.
  private func nextTurn(resting rest: Double, after last: Part) -> Turn? {
    locked {
      while !isClosing, let agenda {
        let part = currentPart
        let isIdle = isAccepted && agenda.job == .none && part == Part()
        guard isIdle || (rest > 0 && part == last && isAccepted && agenda.job == .none) else {
          return Turn(
            agenda: agenda, part: part, values: values(agenda), isAccepted: isAccepted)
        }
        if isIdle {
          condition.wait()
        } else if !condition.wait(until: Date(timeIntervalSinceNow: rest)) {
          return Turn(agenda: agenda, part: part, values: [], isAccepted: true)
        }
      }
      return nil
    }
  }

  private var currentPart: Part {
    guard isAccepted else { return Part() }
    let calls = underWay.prefix(Part.reductionsMax).compactMap { operations[$0]?.call }
    return Part(reductions: calls, common: common?.result == nil ? common?.call : nil)
  }

  /// One round, for as long as it takes; nil when the communicator is to end.
  private func exchange(_ turn: Turn, _ group: PeerGroup) throws -> RoundOutcome? {
    while true {
      if locked({ isClosing }) { return nil }
      do {
        return try group.allReduce(
          turn.values, weight: turn.isAccepted ? 1 : 0, note: turn.part.encoded,
          state: turn.agenda.state,
          within: Self.turnMax)
      } catch {
        guard error.code == .deadline else { throw error }
      }
    }
  }

  /// After an eviction: a member again, without a part in what was under way.
  private func reenter(_ group: PeerGroup) -> Bool {
    failAll(pcclRankConnectionLost)
    while !locked({ isClosing }) {
      do {
        let agenda = try Agenda(state: try group.reload(within: Self.turnMax).tensors)
        locked { self.agenda = agenda }
        return true
      } catch let error as CollectiveError where error.code == .deadline {
        continue
      } catch {
        Complaint.say("\(error)")
        return false
      }
    }
    return false
  }

  private func failAll(_ reason: pcclResult_t) {
    locked {
      for tag in underWay { operations[tag]?.fail(reason) }
      underWay = []
      // Who asks to be taken in goes on asking.
      if let call = common?.call, call != .updateTopology || reason != pcclRankConnectionLost {
        common?.result = reason
      }
      condition.broadcast()
    }
  }

  // MARK: What a round carries, and what it meant

  private func values(_ agenda: Agenda) -> [Float] {
    guard isAccepted, let me = group?.me, let place = agenda.accepted.firstIndex(of: me) else {
      return [Float](repeating: 0, count: agenda.floatCount)
    }
    switch agenda.job {
    case .none: return []
    case .add(let calls, let slice):
      guard calls.count > 1 else {
        return operations[calls[0].tag]?.source.floats(slice.indices) ?? []
      }
      return calls.flatMap { operations[$0.tag]?.source.floats(0..<Int($0.count)) ?? [] }
    case .gather(let call, let slice):
      let size = call.kind.byteCount
      let bytes = operations[call.tag]?.source.bytes(slice.indices.scaled(by: size)) ?? []
      let width = agenda.placeFloatCount(call, slice)
      var values = [Float](repeating: 0, count: agenda.floatCount)
      values.replaceSubrange(place * width..<(place + 1) * width, with: Packing.floats(bytes))
      return values
    case .send(let transfer, let slice):
      guard transfer.source == me, let common else {
        return [Float](repeating: 0, count: agenda.floatCount)
      }
      return Packing.floats(common.bytes(of: transfer, slice.indices))
    }
  }

  /// Takes in a round's record. - Returns: whether anything moved.
  private func follow(_ outcome: RoundOutcome, _ turn: Turn) throws -> Bool {
    let record = try outcome.contributors.map {
      (member: $0.member, part: try Part(decoding: $0.note))
    }
    return try locked {
      var agenda = turn.agenda
      let happenings = agenda.advance(record)
      let hasGrown = self.agenda?.accepted != agenda.accepted
      self.agenda = agenda
      for happening in happenings { try take(happening, outcome.values, turn) }
      if hasGrown { rendezvous?.report(group!.address, world: agenda.accepted.count) }
      condition.broadcast()
      return !happenings.isEmpty || agenda.job != .none
    }
  }

  private func take(
    _ happening: Agenda.Happening, _ values: [Float], _ turn: Turn
  ) throws {
    guard turn.isAccepted else { return }
    switch happening {
    case .reduced(let calls, let slice, let places):
      try take(calls, slice, places, values, turn.agenda)
    case .finished(let calls): settle(calls) { $0.finish() }
    case .restarted(let calls): for call in calls { operations[call.tag]?.restart() }
    case .lonely(let calls): settle(calls) { $0.fail(pcclRankConnectionLost) }
    case .disagreed(let calls): settle(calls) { $0.fail(pcclInvalidArgument) }
    case .received(_, let slice):
      guard let bytes = Packing.bytes(values[...], count: slice.count) else {
        throw MalformedMessage(what: "not packed bytes", place: "state")
      }
      if slice.lowerBound == 0 { common?.arrived = [] }
      common?.arrived += bytes
    case .synchronized(let revision, let transfer):
      if let transfer, let me = group?.me { common?.adopt(transfer, me: me, revision: revision) }
      common?.revision = revision
      common?.result = pcclSuccess
    case .notSynchronized(let refusal):
      Complaint.say("shared state not synchronized: \(refusal)")
      common?.result = refusal == .nobodyOffers ? pcclNoSharedStateAvailable : pcclInvalidUsage
    case .tookIn: if common?.call == .updateTopology { common?.result = pcclSuccess }
    case .counted(let pending):
      common?.arePeersPending = pending
      common?.result = pcclSuccess
    case .optimized: common?.result = pcclSuccess
    }
  }

  private func settle(_ calls: [ReduceCall], _ body: (inout PendingReduce) -> Void) {
    let tags = Set(calls.map(\.tag))
    for tag in tags where operations[tag] != nil { body(&operations[tag]!) }
    underWay.removeAll(where: tags.contains)
  }

  private func take(
    _ calls: [ReduceCall], _ slice: Range<UInt64>, _ places: [Int], _ values: [Float],
    _ agenda: Agenda
  ) throws {
    let world = places.count
    var start = 0
    for call in calls {
      let count = calls.count > 1 ? Int(call.count) : slice.count
      // What a ring carries of it; the meter has the exact sum of everything.
      let share = UInt64(2 * (world - 1) * count * call.kind.byteCount / world)
      operations[call.tag]?.sent += share
      operations[call.tag]?.received += share
      if call.isAdded {
        operations[call.tag]?.take(values[start..<start + count], world: world)
        start += count
      } else {
        let width = agenda.placeFloatCount(call, slice)
        let tensors = try places.map { place in
          guard
            let bytes = Packing.bytes(
              values[place * width..<(place + 1) * width],
              count: slice.count * call.kind.byteCount)
          else { throw MalformedMessage(what: "not packed bytes", place: "all-reduce") }
          return bytes
        }
        let reducer = ElementReducer(kind: call.kind, operation: call.operation)
        operations[call.tag]?.take(reducer.reduce(tensors), world: world)
      }
    }
  }
}

extension Range<UInt64> {
  /// As indices of an array; what has more elements than that is refused by the door.
  var indices: Range<Int> { Int(lowerBound)..<Int(upperBound) }
}

extension Range<Int> {
  func scaled(by factor: Int) -> Range<Int> { lowerBound * factor..<upperBound * factor }
}
