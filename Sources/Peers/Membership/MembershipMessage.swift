// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// What peers tell each other about who is in the group.
///
/// A view's successor is agreed by single-decree Paxos among the view's members: `prepare` and
/// `promise` collect what each knows, `accept` and `accepted` fix the choice, `installed` tells it.
public enum MembershipMessage: Sendable, Hashable {
  /// The sender's view if it has one, and where its members listen.
  case greeting(ViewChange?, addresses: [KnownAddress])
  /// The sender asks to be let in, says to whom it has links, and the number of the last view it
  /// was in: a knock from before its admission is not the knock of one that lost its place.
  case knock(linkedTo: [Member], after: UInt64)
  case prepare(Ballot, succeeding: UInt64)
  /// `hears`: the members to which the sender has links.
  case promise(Ballot, succeeding: UInt64, Standing, accepted: AcceptedChange?, hears: [Member])
  /// The sender has promised more to another ballot.
  case refuse(Ballot, succeeding: UInt64, promised: Ballot)
  case accept(Ballot, succeeding: UInt64, ViewChange)
  case accepted(Ballot, succeeding: UInt64)
  case installed(ViewChange)
  /// The sender wants to leave at the next chance.
  case farewell
  /// Measures the round trip: the receiver sends the number back.
  case ping(UInt64)
  case pong(UInt64)
}

/// A member and where it listens.
public struct KnownAddress: Sendable, Hashable {
  public var member: Member
  public var address: PeerAddress

  public init(member: Member, address: PeerAddress) {
    self.member = member
    self.address = address
  }
}

/// A choice that a member accepted under a ballot; a later ballot must keep it.
public struct AcceptedChange: Sendable, Hashable {
  public var ballot: Ballot
  public var change: ViewChange

  public init(ballot: Ballot, change: ViewChange) {
    self.ballot = ballot
    self.change = change
  }
}

extension MembershipMessage {
  private static let digestBytesMax = 64
  private static let reasonBytesMax = 4096
  private static let hostBytesMax = 255
  private static let memberBytes = 40

  public func encoded() -> [UInt8] {
    var out = ByteWriter()
    switch self {
    case .greeting(let change, let addresses):
      out.put(UInt8(0))
      out.put(optional: change) { $0.put($1) }
      out.put(each: addresses) {
        $0.put($1.member)
        $0.put($1.address.host)
        $0.put($1.address.port)
      }
    case .knock(let linked, let number):
      out.put(UInt8(1))
      out.put(members: linked)
      out.put(number)
    case .prepare(let ballot, let number):
      out.put(UInt8(2), ballot, number)
    case .promise(let ballot, let number, let standing, let accepted, let hears):
      out.put(UInt8(3), ballot, number)
      out.put(standing)
      out.put(optional: accepted) {
        $0.put($1.ballot)
        $0.put($1.change)
      }
      out.put(members: hears)
    case .refuse(let ballot, let number, let promised):
      out.put(UInt8(4), ballot, number)
      out.put(promised)
    case .accept(let ballot, let number, let change):
      out.put(UInt8(5), ballot, number)
      out.put(change)
    case .accepted(let ballot, let number):
      out.put(UInt8(6), ballot, number)
    case .installed(let change):
      out.put(UInt8(7))
      out.put(change)
    case .farewell:
      out.put(UInt8(8))
    case .ping(let number):
      out.put(UInt8(9))
      out.put(number)
    case .pong(let number):
      out.put(UInt8(10))
      out.put(number)
    }
    return out.bytes
  }

  public init(decoding bytes: [UInt8]) throws(MalformedMessage) {
    var reader = ByteReader(bytes, place: "membership message")
    let kind = try reader.number(UInt8.self)
    switch kind {
    case 0:
      let change = try reader.optional { (r) throws(MalformedMessage) in try r.viewChange() }
      let addresses = try reader.each(max: View.membersMax, byteCountMin: Self.memberBytes + 6) {
        (r) throws(MalformedMessage) in
        KnownAddress(
          member: try r.member(),
          address: PeerAddress(host: try r.text(max: Self.hostBytesMax), port: try r.number()))
      }
      self = .greeting(change, addresses: addresses)
    case 1: self = .knock(linkedTo: try reader.members(), after: try reader.number())
    case 2: self = .prepare(try reader.ballot(), succeeding: try reader.number())
    case 3:
      let (ballot, number) = (try reader.ballot(), try reader.number(UInt64.self))
      let standing = try reader.standing()
      let accepted = try reader.optional { (r) throws(MalformedMessage) in
        AcceptedChange(ballot: try r.ballot(), change: try r.viewChange())
      }
      self = .promise(
        ballot, succeeding: number, standing, accepted: accepted, hears: try reader.members())
    case 4:
      self = .refuse(
        try reader.ballot(), succeeding: try reader.number(), promised: try reader.ballot())
    case 5:
      self = .accept(
        try reader.ballot(), succeeding: try reader.number(), try reader.viewChange())
    case 6: self = .accepted(try reader.ballot(), succeeding: try reader.number())
    case 7: self = .installed(try reader.viewChange())
    case 8: self = .farewell
    case 9: self = .ping(try reader.number())
    case 10: self = .pong(try reader.number())
    default: throw reader.malformed("\(kind) is no kind of membership message")
    }
    try reader.end()
  }
}

extension ByteWriter {
  package mutating func put(_ member: Member) {
    put(raw: member.id.bytes)
    put(member.incarnation)
  }

  fileprivate mutating func put(members: [Member]) { put(each: members) { $0.put($1) } }

  fileprivate mutating func put(_ ballot: Ballot) {
    put(ballot.attempt)
    put(ballot.proposer)
  }

  fileprivate mutating func put(_ kind: UInt8, _ ballot: Ballot, _ number: UInt64) {
    put(kind)
    put(ballot)
    put(number)
  }

  fileprivate mutating func put(_ change: ViewChange) {
    put(change.view.number)
    put(members: change.view.members)
    put(change.committed)
    put(run: change.resultDigest)
    put(change.reason)
    put(members: change.blamed)
    put(change.exchanges)
    put(UInt8(change.isSeamless ? 1 : 0))
  }

  fileprivate mutating func put(_ exchanges: [UInt64: ExchangeStanding]) {
    put(each: exchanges.sorted { $0.key < $1.key }) {
      $0.put($1.key)
      $0.put($1.value.committed)
      $0.put($1.value.view)
      $0.put(members: $1.value.participants)
      $0.put(optional: $1.value.held) { $0.put(run: $1) }
    }
  }

  fileprivate mutating func put(_ standing: Standing) {
    put(standing.committed)
    put(run: standing.stateDigest)
    put(UInt8(standing.holdsState ? 1 : 0))
    put(optional: standing.held) {
      $0.put($1.round)
      $0.put($1.view)
      $0.put(run: $1.digest)
    }
    put(standing.exchanges)
    put(UInt8(standing.isWhole ? 1 : 0))
  }

  fileprivate mutating func put<Value>(
    optional value: Value?, _ body: (inout ByteWriter, Value) -> Void
  ) {
    put(UInt8(value == nil ? 0 : 1))
    if let value { body(&self, value) }
  }
}

extension ByteReader {
  package mutating func member() throws(MalformedMessage) -> Member {
    guard let id = PeerID(bytes: try raw(PeerID.byteCount)) else { throw malformed("no peer id") }
    return Member(id: id, incarnation: try number())
  }

  fileprivate mutating func members() throws(MalformedMessage) -> [Member] {
    try each(max: View.membersMax, byteCountMin: 40) { (r) throws(MalformedMessage) in
      try r.member()
    }
  }

  fileprivate mutating func ballot() throws(MalformedMessage) -> Ballot {
    Ballot(attempt: try number(), proposer: try member())
  }

  fileprivate mutating func viewChange() throws(MalformedMessage) -> ViewChange {
    let view = View(number: try number(), members: try members())
    guard !view.members.isEmpty, Set(view.members).count == view.members.count else {
      throw malformed("a view needs members, each once")
    }
    var change = ViewChange(
      view: view, committed: try number(), resultDigest: try run(max: 64),
      reason: try text(max: 4096), blamed: try members())
    change.exchanges = try exchanges()
    change.isSeamless = try number(UInt8.self) == 1
    return change
  }

  fileprivate mutating func exchanges() throws(MalformedMessage) -> [UInt64: ExchangeStanding] {
    // Channel, committed and view; how many members; whether a digest follows.
    let entries = try each(max: ExchangeStanding.channelsMax, byteCountMin: 3 * 8 + 4 + 1) {
      (r) throws(MalformedMessage) in
      let (channel, committed, view) = (
        try r.number(UInt64.self), try r.number(UInt64.self), try r.number(UInt64.self)
      )
      let participants = try r.members()
      let held = try r.optional { (r) throws(MalformedMessage) in try r.run(max: 64) }
      return (
        channel,
        ExchangeStanding(
          committed: committed, view: view, participants: participants, held: held)
      )
    }
    return Dictionary(entries) { first, _ in first }
  }

  fileprivate mutating func standing() throws(MalformedMessage) -> Standing {
    var standing = Standing(
      committed: try number(), stateDigest: try run(max: 64),
      holdsState: try number(UInt8.self) == 1,
      held: try optional { (r) throws(MalformedMessage) in
        HeldResult(round: try r.number(), view: try r.number(), digest: try r.run(max: 64))
      })
    standing.exchanges = try exchanges()
    standing.isWhole = try number(UInt8.self) == 1
    return standing
  }

  fileprivate mutating func optional<Value>(
    _ body: (inout ByteReader) throws(MalformedMessage) -> Value
  ) throws(MalformedMessage) -> Value? {
    switch try number(UInt8.self) {
    case 0: return nil
    case 1: return try body(&self)
    default: throw malformed("neither present nor absent")
    }
  }
}
