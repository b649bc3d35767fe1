// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers

/// One try at one collective among fixed members: who is ready, the exchange, who holds the result.
///
/// Knows nothing of views: whoever owns it begins another one when the members change. A class, as
/// `ChannelState` is and for its reason.
final class Exchange: @unchecked Sendable {
  // SAFETY: as for `ChannelState`.

  /// Why it cannot go on, and who is to be left out.
  struct Trouble: Sendable {
    var reason: String
    var without: [Member]
  }

  let stage: GroupMessage.Stage
  /// By rank. One that is not among them only listens.
  let members: [Member]
  private let me: Member
  /// This member's; nil for one that only listens.
  let rank: Int?
  /// What was said, by rank; of those who have said nothing yet, nothing.
  private(set) var said: [GroupMessage.Ready]
  private var hasSaid: [Bool]
  /// How many have.
  private(set) var readyCount = 0
  private var machine: (any CollectiveMachine)?
  /// One that this member began with its word, before it knew the others' weights.
  private var begun: (any CollectiveMachine)?
  /// Chunks of members that began before this one did.
  private var waiting: [(from: Int, chunk: Chunk)] = []
  /// The result is here; its owner took it.
  private(set) var isHeld = false
  /// Nothing was to be sent but what all said when they were ready: whoever has heard that has the
  /// result, and everybody can tell it to whoever has not.
  private(set) var isWhole = false
  /// The digests of the results that are held, by rank.
  private var dones: [[UInt8]?]
  private(set) var trouble: Trouble?
  /// This member has told the late ones that the others wait.
  var hasHurried = false

  init(stage: GroupMessage.Stage, members: [Member], me: Member) {
    self.stage = stage
    self.members = members
    self.me = me
    rank = members.firstIndex(of: me)
    said = Array(repeating: .init(weight: 0, note: [], operation: ""), count: members.count)
    hasSaid = Array(repeating: false, count: members.count)
    dones = Array(repeating: nil, count: members.count)
  }

  private func rank(of member: Member) -> Int? { members.firstIndex(of: member) }
  var isAnnounced: Bool { rank.map { hasSaid[$0] } ?? false }
  /// Whether this member has said all that it has to say.
  var isSaid: Bool { rank.map { said[$0].isWhole } ?? false }
  /// The digest of the result that this member holds.
  var digest: [UInt8]? { rank.flatMap { dones[$0] } }
  /// Whether the exchange can begin: all are ready.
  var isAssembled: Bool {
    machine == nil && !isHeld && readyCount == members.count && isAnnounced
  }
  /// All have begun, and not all hold the result: something must move.
  var isUnderWay: Bool { machine != nil || (isHeld && !isComplete) }
  /// All members hold the result, or can. They may differ: see `minority`.
  var isComplete: Bool { (isHeld && isWhole) || !dones.contains(nil) }
  /// Members whose word or result is not here yet.
  var late: [Member] {
    members.enumerated().filter { rank, member in
      member != me && (isUnderWay ? dones[rank] == nil : !hasSaid[rank])
    }.map(\.element)
  }

  /// What each gives to each.
  var counts: [[Int]] { said.map { $0.counts.map { Int(clamping: $0) } } }

  // MARK: Ready

  /// Says to all others that this member is ready.
  ///
  /// - Parameter begun: the machine of which that is all there is to send, if all weights are 1.
  func announce(
    _ ready: GroupMessage.Ready, begun: (any CollectiveMachine)? = nil
  ) -> [LinkAction] {
    if let rank { keep(ready, of: rank) }
    self.begun = begun
    return tell(.ready(stage, ready), to: members)
  }

  private func keep(_ ready: GroupMessage.Ready, of rank: Int) {
    if !hasSaid[rank] { readyCount += 1 }
    (said[rank], hasSaid[rank]) = (ready, true)
  }

  /// Takes what another member says of this exchange.
  func receive(_ message: GroupMessage, from member: Member) -> [LinkAction] {
    guard let rank = rank(of: member) else { return [] }
    switch message {
    case .ready(_, let ready): keep(ready, of: rank)
    case .chunk(_, let chunk):
      guard machine != nil else {
        if isAnnounced, !isHeld, waiting.count < GroupLogic.earlyMessagesMax {
          waiting.append((rank, chunk))
        }
        return []
      }
      return take(chunk, from: rank)
    case .done(_, let digest): dones[rank] = digest
    case .membership, .state, .word, .askCharter, .charter, .progress, .hurry, .told, .paths: break
    }
    return []
  }

  // MARK: The exchange

  /// Begins once all are ready.
  ///
  /// - Parameter opened: what the machine sends first came with `ready` already.
  func begin(
    _ fresh: consuming any CollectiveMachine, opened: Bool
  ) throws(CollectiveError) -> [LinkAction] {
    let outgoing = try fresh.start()
    machine = consume fresh
    // Of several pieces, only the first went with `ready`.
    let first = outgoing.first?.chunk.piece
    let actions =
      opened
      ? takeOpenings() + send(outgoing.filter { $0.chunk.piece != first }) : send(outgoing)
    return actions + takeWaiting()
  }

  /// Whether the machine that this member began is the one that all have come to; all are ready.
  var hasBegun: Bool {
    guard begun != nil else { return false }
    return said.indices.allSatisfy { said[$0].weight == 1 && said[$0].counts == said[0].counts }
  }

  /// Goes on with that one.
  func goOn() -> [LinkAction] {
    (machine, begun) = (begun, nil)
    return takeOpenings() + takeWaiting()
  }

  private func takeWaiting() -> [LinkAction] {
    let early = waiting
    waiting = []
    var actions: [LinkAction] = []
    for (rank, chunk) in early where trouble == nil { actions += take(chunk, from: rank) }
    return actions
  }

  /// It cannot go on.
  func blame(_ trouble: Trouble) { self.trouble = trouble }

  private func takeOpenings() -> [LinkAction] {
    var actions: [LinkAction] = []
    for rank in said.indices where rank != self.rank && trouble == nil && said[rank].weight > 0 {
      guard !said[rank].opening.isEmpty else { continue }
      do {
        actions += take(try Chunk(decoding: said[rank].opening), from: rank)
      } catch {
        let liar = members[rank]
        trouble = Trouble(
          reason: "\(liar.id.short) opened the exchange badly: \(error)", without: [liar])
      }
    }
    return actions
  }

  private func take(_ chunk: Chunk, from rank: Int) -> [LinkAction] {
    guard trouble == nil else { return [] }
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

  /// The complete result, once, and its fingerprint where the machine has made it.
  func takeOutput() -> (values: Values, sums: [UInt64]?)? {
    guard !isHeld, trouble == nil, let output = machine?.output else { return nil }
    let sums = machine?.fingerprint
    machine = nil
    return (output, sums)
  }

  // MARK: Held by all

  /// This member holds the complete result: tells all who listen.
  func hold(_ digest: [UInt8], listeners: [Member]) -> [LinkAction] {
    isHeld = true
    machine = nil
    waiting = []
    if let rank { dones[rank] = digest }
    isWhole = said.allSatisfy(\.isWhole)
    let unaware = isWhole ? listeners.filter { rank(of: $0) == nil } : listeners
    return tell(.done(stage, digest: digest), to: unaware)
  }

  /// Takes what all said from one who heard it; true when that was it.
  func hear(_ said: [GroupMessage.Ready]) -> Bool {
    guard said.count == members.count, said.allSatisfy(\.isWhole), isAnnounced else { return false }
    for (rank, ready) in said.enumerated() where !hasSaid[rank] { keep(ready, of: rank) }
    return true
  }

  /// What those who came later need to know when it ends.
  func inform(_ newcomers: [Member]) -> [LinkAction] {
    guard let digest else { return [] }
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
  var statesApart: [Member] { odd { said[$0].stateDigest } }

  /// Those whose last result, where nobody waited to compare it, is not that of most.
  var pastsApart: [Member] {
    odd(among: said.indices.filter { !said[$0].stateDigest.isEmpty }) { said[$0].stateDigest }
  }

  /// Those whose result is not the majority's; where all was said at once, it is compared later.
  var minority: [Member] { isWhole ? [] : odd { dones[$0]! } }

  /// Those who mean another operation than the majority, and a sentence on it.
  var meaningsApart: Trouble? {
    let apart = odd { said[$0].operation }
    guard let first = apart.first, let other = members.first(where: { !apart.contains($0) })
    else { return nil }
    let means = { (member: Member) in self.said[self.rank(of: member)!].operation }
    return Trouble(
      reason: """
        \(names(apart)) would exchange \(means(first)), \
        the majority \(means(other))
        """, without: apart)
  }

  /// Those who differ from the largest group of equals; among equally large ones the senior counts.
  ///
  /// - Parameter key: of a rank.
  private func odd<Key: Hashable>(among some: [Int]? = nil, by key: (Int) -> Key) -> [Member] {
    let ranks = some ?? Array(members.indices)
    guard let first = ranks.first.map(key), !ranks.allSatisfy({ key($0) == first }) else {
      return []
    }
    let groups = Dictionary(grouping: ranks, by: key)
    let largest = groups.values.map(\.count).max()!
    let chosen = ranks.first { groups[key($0)]!.count == largest }!
    return ranks.filter { key($0) != key(chosen) }.map { members[$0] }
  }

  func names(_ members: [Member]) -> String {
    members.map(\.id.short).joined(separator: ", ")
  }

  /// Who contributed what, by rank.
  var contributors: [Contributor] {
    members.indices.map {
      Contributor(member: members[$0], weight: said[$0].weight, note: said[$0].note)
    }
  }

  /// The same, as all members must see it alike.
  var record: [UInt8] {
    var record = ByteWriter(reserving: 64 * members.count)
    for rank in members.indices {
      record.put(members[rank])
      record.put(said[rank].weight)
      record.put(run: said[rank].note)
    }
    return record.bytes
  }
}
