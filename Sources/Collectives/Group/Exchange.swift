// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers

/// One try at one collective among fixed members: who is ready, the exchange, who holds the result.
///
/// Knows nothing of views: whoever owns it begins another one when the members change.
struct Exchange: Sendable {
  /// Why it cannot go on, and who is to be left out.
  struct Trouble: Sendable {
    var reason: String
    var without: [Member]
  }

  let stage: GroupMessage.Stage
  /// By rank. One that is not among them only listens.
  let members: [Member]
  let me: Member
  private(set) var readies: [Member: GroupMessage.Ready] = [:]
  private var machine: (any CollectiveMachine)?
  /// Chunks of members that began before this one did.
  private var waiting: [(from: Member, chunk: Chunk)] = []
  /// The result is here; its owner took it.
  private(set) var isHeld = false
  /// Nothing was to be sent but what all said when they were ready: whoever has heard that has the
  /// result, and everybody can tell it to whoever has not.
  private(set) var isWhole = false
  private(set) var dones: [Member: [UInt8]] = [:]
  private(set) var trouble: Trouble?
  /// This member has told the late ones that the others wait.
  var hasHurried = false

  init(stage: GroupMessage.Stage, members: [Member], me: Member) {
    self.stage = stage
    self.members = members
    self.me = me
  }

  func rank(of member: Member) -> Int? { members.firstIndex(of: member) }
  var isAnnounced: Bool { readies[me] != nil }
  /// Whether the exchange can begin: all are ready.
  var isAssembled: Bool {
    machine == nil && !isHeld && readies.count == members.count && isAnnounced
  }
  /// All have begun, and not all hold the result: something must move.
  var isUnderWay: Bool { machine != nil || (isHeld && !isComplete) }
  /// All members hold the result, or can. They may differ: see `minority`.
  var isComplete: Bool { dones.count == members.count || (isHeld && isWhole) }
  /// What was said, by rank.
  var said: [GroupMessage.Ready] { members.map { readies[$0]! } }
  /// Members whose word or result is not here yet.
  var late: [Member] {
    members.filter { $0 != me && (isUnderWay ? dones[$0] == nil : readies[$0] == nil) }
  }

  // MARK: Ready

  /// Says to all others that this member is ready.
  mutating func announce(_ ready: GroupMessage.Ready) -> [LinkAction] {
    readies[me] = ready
    return tell(.ready(stage, ready), to: members)
  }

  /// Takes what another member says of this exchange.
  mutating func receive(_ message: GroupMessage, from member: Member) -> [LinkAction] {
    guard rank(of: member) != nil else { return [] }
    switch message {
    case .ready(_, let ready): readies[member] = ready
    case .chunk(_, let chunk):
      guard machine != nil else {
        if isAnnounced, !isHeld, waiting.count < GroupLogic.earlyMessagesMax {
          waiting.append((member, chunk))
        }
        return []
      }
      return take(chunk, from: member)
    case .done(_, let digest): dones[member] = digest
    case .membership, .state, .word, .askCharter, .charter, .progress, .hurry, .told, .paths: break
    }
    return []
  }

  // MARK: The exchange

  /// Begins once all are ready.
  ///
  /// - Parameter opened: what the machine sends first came with `ready` already.
  mutating func begin(
    _ fresh: consuming any CollectiveMachine, opened: Bool
  ) throws(CollectiveError) -> [LinkAction] {
    let outgoing = try fresh.start()
    machine = consume fresh
    // Of several pieces, only the first went with `ready`.
    let first = outgoing.first?.chunk.piece
    var actions =
      opened
      ? takeOpenings() + send(outgoing.filter { $0.chunk.piece != first }) : send(outgoing)
    let early = waiting
    waiting = []
    for (member, chunk) in early where trouble == nil { actions += take(chunk, from: member) }
    return actions
  }

  /// It cannot go on.
  mutating func blame(_ trouble: Trouble) { self.trouble = trouble }

  private mutating func takeOpenings() -> [LinkAction] {
    var actions: [LinkAction] = []
    for member in members where member != me && trouble == nil {
      guard let ready = readies[member], ready.weight > 0, !ready.opening.isEmpty else { continue }
      do {
        actions += take(try Chunk(decoding: ready.opening), from: member)
      } catch {
        trouble = Trouble(
          reason: "\(member.id.short) opened the exchange badly: \(error)", without: [member])
      }
    }
    return actions
  }

  private mutating func take(_ chunk: Chunk, from member: Member) -> [LinkAction] {
    guard trouble == nil, let rank = rank(of: member) else { return [] }
    do {
      // In a statement of its own: as `send`'s argument it would find `self` copied for the call, and
      // the machine would copy all its values.
      let outgoing = try machine!.receive(chunk, from: rank)
      return send(outgoing)
    } catch {
      // Nobody to blame means that this member cannot send what it has: the others go on without it.
      let liar = error.culprit.map { members[$0] }
      let reason = liar.map { "\($0.id.short) sent a bad chunk: \(error)" } ?? "\(error)"
      trouble = Trouble(reason: reason, without: [liar ?? me])
      return []
    }
  }

  /// The complete result, once.
  mutating func takeOutput() -> Values? {
    guard !isHeld, trouble == nil, let output = machine?.output else { return nil }
    machine = nil
    return output
  }

  // MARK: Held by all

  /// This member holds the complete result: tells all who listen.
  mutating func hold(_ digest: [UInt8], listeners: [Member]) -> [LinkAction] {
    isHeld = true
    machine = nil
    waiting = []
    dones[me] = digest
    isWhole = said.allSatisfy(\.isWhole)
    let unaware = isWhole ? listeners.filter { rank(of: $0) == nil } : listeners
    return tell(.done(stage, digest: digest), to: unaware)
  }

  /// Takes what all said from one who heard it; true when that was it.
  mutating func hear(_ said: [GroupMessage.Ready]) -> Bool {
    guard said.count == members.count, said.allSatisfy(\.isWhole), isAnnounced else { return false }
    for (member, ready) in zip(members, said) where readies[member] == nil {
      readies[member] = ready
    }
    return true
  }

  /// What those who came later need to know when it ends.
  func inform(_ newcomers: [Member]) -> [LinkAction] {
    guard let digest = dones[me] else { return [] }
    return tell(.done(stage, digest: digest), to: newcomers)
  }

  private func send(_ outgoing: [Outgoing]) -> [LinkAction] {
    outgoing.map { .send(members[$0.rank].id, GroupMessage.chunk(stage, $0.chunk).frame()) }
  }

  private func tell(_ message: GroupMessage, to listeners: [Member]) -> [LinkAction] {
    let frame = message.frame()
    return listeners.filter { $0 != me }.map { .send($0.id, frame) }
  }

  // MARK: Those who differ

  /// Those whose shared state is not the majority's.
  var statesApart: [Member] { odd { readies[$0]!.stateDigest } }

  /// Those whose last result, where nobody waited to compare it, is not that of most.
  var pastsApart: [Member] {
    odd(among: members.filter { !readies[$0]!.stateDigest.isEmpty }) { readies[$0]!.stateDigest }
  }

  /// Those whose result is not the majority's; where all was said at once, it is compared later.
  var minority: [Member] { isWhole ? [] : odd { dones[$0]! } }

  /// Those who mean another operation than the majority, and a sentence on it.
  var meaningsApart: Trouble? {
    let apart = odd { readies[$0]!.operation }
    guard let first = apart.first, let other = members.first(where: { !apart.contains($0) })
    else { return nil }
    return Trouble(
      reason: """
        \(names(apart)) would exchange \(readies[first]!.operation), \
        the majority \(readies[other]!.operation)
        """, without: apart)
  }

  /// Those who differ from the largest group of equals; among equally large ones the senior counts.
  private func odd<Key: Hashable>(
    among some: [Member]? = nil, by key: (Member) -> Key
  ) -> [Member] {
    let members = some ?? members
    guard let first = members.first.map(key), !members.allSatisfy({ key($0) == first }) else {
      return []
    }
    let groups = Dictionary(grouping: members, by: key)
    let largest = groups.values.map(\.count).max()!
    let chosen = members.first { groups[key($0)]!.count == largest }!
    return members.filter { key($0) != key(chosen) }
  }

  func names(_ members: [Member]) -> String {
    members.map(\.id.short).joined(separator: ", ")
  }

  /// Who contributed what, as all members must see it alike.
  var record: [UInt8] {
    var record = ByteWriter()
    for member in members {
      record.put(member)
      record.put(readies[member]!.weight)
      record.put(run: readies[member]!.note)
    }
    return record.bytes
  }
}
