// SPDX-License-Identifier: Apache-2.0

internal import CPCCL
import FerryBasics
import FerryCollectives
import FerryPeers
import Foundation

/// What a `pcclComm_t *` points to: a peer of a run, and the thread that goes through its rounds.
///
/// Calls that all peers make together go through rounds of the group: the communicator's thread takes
/// part in one whenever the program waits for something, and follows the `Agenda`. All-reduces go over
/// channels, from the program's own threads.
final class Communicator: @unchecked Sendable {
  // SAFETY: everything that changes is touched while `condition` is locked, and the group itself is
  // Sendable.
  let master: PeerAddress
  let peerGroup: UInt32

  private let condition = NSCondition()
  private var group: PeerGroup?
  private var rendezvous: RendezvousClient?
  private var agenda = Agenda()
  private var reduces: [UInt64: PendingReduce] = [:]
  /// Channels of this epoch, to be forgotten in the next.
  private var channels: Set<Channel> = []
  private var common: CommonCall?
  private var answer: Result<Agenda.Happening, Ended>?
  private var isClosing = false
  private var hasEnded = false

  /// The communicator was closed, or has lost its place in the run.
  struct Ended: Error {}

  /// How long one turn waits before it looks whether the program ends the communicator.
  private static var turnMax: Duration { .milliseconds(250) }
  /// How long this peer may have lost its place before it finds out, in seconds.
  private static let watchInterval = 0.1
  /// The longest rest between two rounds in which peers waited for different things, in seconds.
  private static let restMax = 0.02
  private static var lettingInMax: Duration { .seconds(10) }
  private static var leavingMax: Duration { .seconds(5) }
  /// The interface knows no deadlines; whoever is lost is left out long before.
  private static var callMax: Duration { .seconds(365 * 24 * 3600) }

  init(master: PeerAddress, peerGroup: UInt32) {
    self.master = master
    self.peerGroup = peerGroup
  }

  private func locked<Value>(_ body: () throws -> Value) rethrows -> Value {
    condition.lock()
    defer { condition.unlock() }
    return try body()
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
      locked { (self.group, self.agenda, self.rendezvous) = (group, agenda, rendezvous) }
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

  /// The group, and where it is; nil when nobody answers at the master's address.
  private func enter(_ rendezvous: RendezvousClient) throws -> (PeerGroup, Agenda)? {
    let settings = try Terms.settings(master: master, peerGroup: peerGroup)
    while true {
      switch rendezvous.ask() {
      case .unreachable(let reason):
        Complaint.say("no master at \(master): \(reason)")
        return nil
      case .found: return (try PeerGroup.found(settings), Agenda())
      case .join(let addresses):
        for address in addresses {
          do {
            let (group, state) = try PeerGroup.join(
              at: address, settings, within: Self.lettingInMax)
            return (group, try Agenda(state: state.tensors))
          } catch let error as CollectiveError {
            // Gone, or too busy: another one.
            guard error.code == .deadline else { throw error }
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
    guard let group else { return false }
    return agenda.accepted.contains(group.me)
  }

  // MARK: What the program asks

  /// The members of the peer group, and of all others by group, as far as known.
  var worlds: [UInt32: Int] {
    locked {
      var worlds = rendezvous?.worlds ?? [:]
      worlds[peerGroup] = agenda.accepted.count
      return worlds
    }
  }

  var isReducing: Bool { locked { !reduces.isEmpty } }

  /// Who is in the run, in its order, and this peer.
  var members: (all: [Member], me: Member)? {
    locked { group.map { (agenda.accepted, $0.me) } }
  }

  /// - Returns: an error, or nil when the operation is under way.
  func start(_ request: ReduceRequest) throws -> pcclResult_t? {
    let call = try request.call()
    return locked {
      guard let group, !isClosing else { return pcclRankConnectionLost }
      guard agenda.accepted.count > 1 else { return pcclTooFewPeers }
      guard reduces[request.tag] == nil else { return pcclInvalidArgument }
      let channel = channel(request.tag)
      channels.insert(channel)
      reduces[request.tag] = PendingReduce(
        request: request, call: group.start(call, on: channel, within: Self.callMax))
      return nil
    }
  }

  private func channel(_ tag: UInt64) -> Channel {
    var name = ByteWriter()
    name.put(tag)
    name.put(agenda.epoch)
    let digest = Digest.sha256(of: name.bytes).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    return Channel(tag: digest, among: agenda.accepted.map(\.id))
  }

  /// Waits for an operation and forgets it; nil for a tag that nothing was started with.
  func await(_ tag: UInt64) -> (result: pcclResult_t, world: Int, request: ReduceRequest)? {
    guard let pending = locked({ reduces[tag] }) else { return nil }
    let (result, world) = pending.finish()
    locked { reduces[tag] = nil }
    return (result, world, pending.request)
  }

  /// Makes a call together with all other peers, and waits for what comes of it.
  func make(_ call: CommonCall) throws -> Agenda.Happening {
    try locked {
      guard !isClosing else { throw Ended() }
      (common, answer) = (call, nil)
      condition.broadcast()
      while answer == nil, !isClosing { condition.wait() }
      defer { (common, answer) = (nil, nil) }
      guard let answer else { throw Ended() }
      return try answer.get()
    }
  }

  /// Begins this peer's part in handing a tensor from one peer to another.
  func pass(
    _ values: Values, number: Int, from source: Member, to target: Member
  ) throws -> PendingCall {
    try locked {
      guard let group else { throw Ended() }
      let channel = Channel(
        tag: agenda.epoch << 16 | UInt64(number), from: source.id, to: target.id)
      channels.insert(channel)
      return group.start(
        .send(values, from: source.id, to: target.id), on: channel, within: Self.callMax)
    }
  }

  // MARK: Rounds

  private func run(_ group: PeerGroup) {
    defer {
      locked {
        (hasEnded, isClosing) = (true, true)
        condition.broadcast()
      }
    }
    var rest = 0.0
    while let call = nextCall(group, resting: rest) {
      do {
        guard let outcome = try exchange(call, group) else { return }
        let moved = try follow(outcome)
        rest = moved ? 0 : min(Self.restMax, max(0.0005, 2 * rest))
      } catch {
        Complaint.say("\(error)")
        // What this peer holds is not the run's any more: the program has to come again.
        group.close()
        return
      }
    }
  }

  /// Waits until the program waits for something, or this peer for the others; nil at the end.
  private func nextCall(_ group: PeerGroup, resting rest: Double) -> CommonCall?? {
    locked {
      let isWaiting = { self.common != nil && self.answer == nil }
      if rest > 0, isAccepted, isWaiting(), !isClosing {
        _ = condition.wait(until: Date(timeIntervalSinceNow: rest))
      }
      while !isClosing {
        guard group.timesEvicted == 0 else {
          Complaint.say("this peer was left out by the others: it was silent for too long")
          group.close()
          return nil
        }
        if !isAccepted { return .some(nil) }
        if isWaiting() { return common }
        _ = condition.wait(until: Date(timeIntervalSinceNow: Self.watchInterval))
      }
      return nil
    }
  }

  /// One round, for as long as it takes; nil when the communicator is to end.
  private func exchange(_ call: CommonCall?, _ group: PeerGroup) throws -> RoundOutcome? {
    let (agenda, weight) = locked { (self.agenda, isAccepted ? 1.0 : 0) }
    while true {
      if locked({ isClosing }) { return nil }
      do {
        return try group.allReduce(
          [], weight: weight, note: call.encoded, state: agenda.state, within: Self.turnMax)
      } catch {
        guard error.code == .deadline else { throw error }
      }
    }
  }

  /// Takes in a round's record. - Returns: whether anything came of it.
  private func follow(_ outcome: RoundOutcome) throws -> Bool {
    let record = try outcome.contributors.map {
      (member: $0.member, call: try CommonCall?(decoding: $0.note))
    }
    return locked {
      let (epoch, wasAccepted) = (agenda.epoch, isAccepted)
      let happening = agenda.advance(record)
      if agenda.epoch != epoch, let group {
        group.forget(Array(channels))
        channels = []
        rendezvous?.report(group.address, world: agenda.accepted.count)
      }
      if let happening, wasAccepted, common != nil { answer = .success(happening) }
      condition.broadcast()
      return happening != nil
    }
  }
}
