// SPDX-License-Identifier: Apache-2.0

import FerryBasics
package import FerryPeers

/// What members of a group tell each other, apart from who they are.
package enum GroupMessage: Sendable {
  case membership(MembershipMessage)
  /// The sender has its contribution to a round in hand.
  case ready(Stage, Ready)
  /// A piece of the round's exchange.
  case chunk(Stage, Chunk)
  /// The sender holds the round's complete result, and its digest.
  case done(Stage, digest: [UInt8])
  /// How far the sender's work for the round has come, in thousandths.
  case progress(Stage, permille: UInt16)
  /// The others are ready and wait: the receiver should hand in what it has. In a channel: the
  /// receiver should tell what all said, as the sender has not heard it.
  case hurry(Stage)
  /// What all said in an operation that was over with that, by rank; nothing from one who does not
  /// know.
  case told(Stage, [Ready])
  /// A request or an answer of a state transfer.
  case state([UInt8])
  /// Bytes of one strategy for another, outside any round.
  case word([UInt8])
  /// Asks what the run is: a newcomer does so before it builds anything.
  case askCharter
  case charter([UInt8])
  /// What the links between members are like.
  case paths(PathMessage)

  /// What a message belongs to: the round, or the exchange of a channel, and the view it began in.
  package struct Stage: Sendable, Hashable {
    /// 0 for the rounds.
    package var channel: UInt64
    package var view: UInt64
    /// Of the round, or within the channel.
    package var round: UInt64

    package init(channel: UInt64 = 0, view: UInt64, round: UInt64) {
      self.channel = channel
      self.view = view
      self.round = round
    }
  }

  /// What a member says before the exchange. All have to mean the same operation.
  package struct Ready: Sendable, Hashable {
    package var weight: Double
    package var note: [UInt8]
    /// What is exchanged and how, in words: two configurations cannot meet.
    package var operation: String
    /// The elements that it gives to each member, where that is not the same for all.
    package var counts: [UInt64]
    /// Why nothing is to come of it; empty when something is.
    package var refusal: String
    /// Of the shared state, or of the channel's last result where that was not compared; empty where
    /// there is none to compare.
    package var stateDigest: [UInt8]
    /// The wire form of the chunk by which the exchange begins, where it fits in here; else empty.
    package var opening: [UInt8]
    /// With that this member has said all that it has to say in this exchange.
    package var isWhole: Bool
    /// The way that the exchange should take, from the first of those who take part.
    package var plan: PathPlan?

    package init(
      weight: Double, note: [UInt8], operation: String, counts: [UInt64] = [],
      refusal: String = "", stateDigest: [UInt8] = [], opening: [UInt8] = [],
      isWhole: Bool = false, plan: PathPlan? = nil
    ) {
      self.weight = weight
      self.note = note
      self.operation = operation
      self.counts = counts
      self.refusal = refusal
      self.stateDigest = stateDigest
      self.opening = opening
      self.isWhole = isWhole
      self.plan = plan
    }
  }

  private enum Kind: UInt8 {
    case membership = 0
    case ready = 1
    case chunk = 2
    case done = 3
    case progress = 4
    case state = 5
    case word = 6
    case askCharter = 7
    case charter = 8
    case hurry = 9
    case told = 10
    case paths = 11
  }

  fileprivate static let digestBytesMax = 64
  fileprivate static let operationBytesMax = 256
  fileprivate static let refusalBytesMax = 1024
  /// In front of a chunk: the kind and the stage.
  private static let chunkPrefixBytes = 25

  /// What the chunks of a stage begin with, so that a machine writes them ready to be sent.
  package static func chunkPrefix(_ stage: Stage) -> [UInt8] {
    var out = ByteWriter()
    out.put(Kind.chunk.rawValue, stage)
    return out.bytes
  }

  /// What the wire form has at least: room made at once for what is long.
  private var byteCountMin: Int {
    if case .ready(_, let ready) = self { ready.opening.count + 256 } else { 64 }
  }

  package func frame() -> Frame {
    var out = ByteWriter(reserving: byteCountMin)
    switch self {
    case .membership(let message):
      out.put(Kind.membership.rawValue)
      out.put(raw: message.encoded())
      return Frame(message.isHeartbeat ? .heartbeat : .membership, out.bytes)
    case .ready(let stage, let ready):
      out.put(Kind.ready.rawValue, stage)
      out.put(ready)
      return Frame(ready.opening.isEmpty ? .membership : .exchange, out.bytes)
    case .chunk(let stage, let chunk):
      let prefix = Self.chunkPrefix(stage)
      let isReady = chunk.bytes.prefix(chunk.prefixByteCount).elementsEqual(prefix)
      return Frame(.exchange, isReady ? chunk.bytes : prefix + chunk.encoded())
    case .done(let stage, let digest):
      out.put(Kind.done.rawValue, stage)
      out.put(run: digest)
      return Frame(.membership, out.bytes)
    case .progress(let stage, let permille):
      out.put(Kind.progress.rawValue, stage)
      out.put(permille)
      return Frame(.heartbeat, out.bytes)
    case .hurry(let stage):
      out.put(Kind.hurry.rawValue, stage)
      return Frame(.membership, out.bytes)
    case .told(let stage, let said):
      out.put(Kind.told.rawValue, stage)
      out.put(each: said) { $0.put($1) }
      return Frame(.exchange, out.bytes)
    case .state(let bytes):
      out.put(Kind.state.rawValue)
      out.put(raw: bytes)
      return Frame(.catchUp, out.bytes)
    case .word(let bytes):
      out.put(Kind.word.rawValue)
      out.put(raw: bytes)
      return Frame(.exchange, out.bytes)
    case .askCharter:
      out.put(Kind.askCharter.rawValue)
      return Frame(.membership, out.bytes)
    case .charter(let bytes):
      out.put(Kind.charter.rawValue)
      out.put(raw: bytes)
      return Frame(.membership, out.bytes)
    case .paths(let message):
      out.put(Kind.paths.rawValue)
      out.put(raw: message.encoded())
      // Trains go where bulk goes, as it is that whose way is measured.
      return Frame(message.isBulk ? .catchUp : .heartbeat, out.bytes)
    }
  }

  package init(_ frame: Frame) throws {
    let bytes = frame.payload
    guard let first = bytes.first, let kind = Kind(rawValue: first) else {
      throw MalformedMessage(
        what: "no kind of message is \(bytes.first ?? 0)", place: "group message")
    }
    switch kind {
    case .membership:
      self = .membership(try MembershipMessage(decoding: Array(bytes.dropFirst())))
      return
    case .state:
      self = .state(Array(bytes.dropFirst()))
      return
    case .word:
      self = .word(Array(bytes.dropFirst()))
      return
    case .askCharter:
      self = .askCharter
      return
    case .charter:
      self = .charter(Array(bytes.dropFirst()))
      return
    case .paths:
      self = .paths(try PathMessage(decoding: bytes, after: 1))
      return
    case .chunk:
      guard bytes.count >= Self.chunkPrefixBytes else {
        throw MalformedMessage(what: "a chunk of \(bytes.count) bytes", place: "group message")
      }
      var reader = ByteReader(Array(bytes[1..<Self.chunkPrefixBytes]), place: "chunk")
      let stage = try reader.stage()
      self = .chunk(stage, try Chunk(decoding: bytes, after: Self.chunkPrefixBytes))
      return
    case .ready, .done, .progress, .hurry, .told: break
    }
    var reader = ByteReader(bytes, from: 1, place: "group message")
    let stage = try reader.stage()
    switch kind {
    case .ready: self = .ready(stage, try reader.ready())
    case .told:
      let said = try reader.each(max: View.membersMax, byteCountMin: Ready.wireBytesMin) {
        (r) throws(MalformedMessage) in try r.ready()
      }
      self = .told(stage, said)
    case .done: self = .done(stage, digest: try reader.run(max: Self.digestBytesMax))
    case .hurry: self = .hurry(stage)
    default: self = .progress(stage, permille: try reader.number())
    }
    try reader.end()
  }
}

extension MembershipMessage {
  fileprivate var isHeartbeat: Bool {
    switch self {
    case .ping, .pong: true
    default: false
    }
  }
}

extension GroupMessage.Ready {
  /// The weight, seven lengths, and whether it is all.
  fileprivate static let wireBytesMin = 8 + 7 * 4 + 1
}

extension ByteWriter {
  fileprivate mutating func put(_ ready: GroupMessage.Ready) {
    put(ready.weight)
    put(run: ready.note)
    put(ready.operation)
    put(each: ready.counts) { $0.put($1) }
    put(ready.refusal)
    put(run: ready.stateDigest)
    put(run: ready.opening)
    put(UInt8(ready.isWhole ? 1 : 0))
    put(run: ready.plan?.encoded() ?? [])
  }

  fileprivate mutating func put(_ kind: UInt8, _ stage: GroupMessage.Stage) {
    put(kind)
    put(stage.channel)
    put(stage.view)
    put(stage.round)
  }
}

extension ByteReader {
  fileprivate mutating func stage() throws(MalformedMessage) -> GroupMessage.Stage {
    GroupMessage.Stage(channel: try number(), view: try number(), round: try number())
  }

  fileprivate mutating func ready() throws(MalformedMessage) -> GroupMessage.Ready {
    var ready = GroupMessage.Ready(
      weight: try double(), note: try run(max: GroupLogic.noteBytesMax),
      operation: try text(max: GroupMessage.operationBytesMax),
      counts: try each(max: View.membersMax, byteCountMin: 8) {
        (r) throws(MalformedMessage) in try r.number()
      },
      refusal: try text(max: GroupMessage.refusalBytesMax),
      stateDigest: try run(max: GroupMessage.digestBytesMax),
      opening: try run(max: AllReduceAlgorithm.oneShotBytesMax + Chunk.headerByteCount),
      isWhole: try number(UInt8.self) == 1)
    guard ready.weight >= 0, ready.weight.isFinite else {
      throw malformed("a weight of \(ready.weight)")
    }
    let plan = try run(max: PathPlan.wireBytesMax)
    if !plan.isEmpty { ready.plan = try PathPlan(decoding: plan) }
    return ready
  }
}

extension GroupMessage {
  /// Part of an operation beside the rounds.
  var isInChannel: Bool {
    switch self {
    case .ready(let stage, _), .chunk(let stage, _), .done(let stage, _), .told(let stage, _):
      stage.channel != 0
    default: false
    }
  }

  /// Part of a round, which a newcomer takes up only once it has the state.
  var isExchange: Bool {
    switch self {
    case .ready, .chunk, .done, .told: true
    default: false
    }
  }
}
