// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryLearning
import FerryPeers
import FerryStrategies
import FerryTensors
import Foundation

/// What our own encoders make, one file each: where the fuzzer begins.
package enum Seeds {
  package static func write(to folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for decoder in Decoder.allCases {
      for (number, input) in try inputs(decoder).enumerated() {
        try Data(input).write(to: URL(fileURLWithPath: "\(folder)/\(decoder)-\(number)"))
      }
    }
  }

  /// For one decoder, with the first byte that chooses it.
  package static func inputs(_ decoder: Decoder) throws -> [[UInt8]] {
    try seeds(decoder).map { [decoder.rawValue] + $0 }
  }

  private static func seeds(_ decoder: Decoder) throws -> [[UInt8]] {
    switch decoder {
    case .frames:
      let payloads = groupMessages.map { $0.frame() }
      return [1, 7, 255].map { size in
        [size]
          + payloads.flatMap { frame in
            FrameHeader(frame.purpose, isControl: false, payloadByteCount: frame.payload.count)
              .encoded + frame.payload
          }
      }
    case .groupMessage: return groupMessages.map { $0.frame().tagged }
    case .membershipMessage: return membershipMessages.map { $0.encoded() }
    case .chunk: return [chunk.encoded()]
    case .stateMessage: return stateMessages.map { $0.encoded() }
    case .stateManifest: return [StateManifest(of: state).encoded()]
    case .hello: return [hello.encoded]
    case .noisePayload:
      return [NoisePayload(identity: Streams.identity, noiseKey: [1, 2, 3]).encoded]
    case .dialler, .listener: return try greetings(decoder == .dialler ? .listener : .dialler)
    case .records: return records
    case .ledger: return [SampleLedger().encoded(), try ledger().encoded()]
    case .roundNote: return [[], note]
    case .runBook: return [try book()]
    case .stateNote:
      var out = ByteWriter()
      out.put(UInt8(1))
      out.put(run: try book())
      out.put(run: [1, 2, 3])
      return [out.bytes]
    case .codec: return try codecs()
    case .sparseIndices:
      let indices = SortedIndices(count: 3, below: 300)
      var row = [UInt8](repeating: 0, count: indices.byteCount)
      var view = row.mutableSpan
      indices.encode([2, 77, 299].span, into: &view)
      return [[0x2B, 1, 3, 0] + row]
    case .joinLine:
      return [
        JoinLine(
          address: address, run: "run", secret: Streams.secret, peer: Streams.identity.id
        ).text, "ferry://[::1]:7000/a.b",
      ].map { Array($0.utf8) }
    case .peerAddress: return ["host:7000", "[fe80::1]:1"].map { Array($0.utf8) }
    case .peerID: return [Array(Streams.identity.id.description.utf8)]
    case .secret: return [Array(Streams.secret.text.utf8)]
    case .safetensors: return [try Safetensors.encode(tensors(), metadata: ["a": "b"])]
    case .npy: return try tensors().map { try Npy.encode($0.tensor) }
    case .checkpointManifest: return [try manifest()]
    case .group:
      return SmallGroup.all.enumerated().flatMap { $1.steps(algorithm: $0) }
    case .operation: return operations.map { $0.encoded() }
    case .recordHeader:
      return [RecordHeader(.membership), RecordHeader(.exchange, .init(number: 7, after: 2))]
        .map(\.encoded)
    case .strand:
      let nonce = [UInt8](repeating: 3, count: StrandGreeting.nonceByteCount)
      let strand = StrandGreeting(dialling: Streams.strandKeys, index: 3, nonce: nonce, place: "")
      return [[255] + strand.outgoing]
    case .shardCheckpoint:
      let moments: [(name: String, values: [Float])] = [("first", [3, 4]), ("second", [5, .nan])]
      return [
        ShardCheckpoint(range: 0..<0, steps: 0, parameters: [], state: []),
        ShardCheckpoint(range: 7..<9, steps: 3, parameters: [1, 2], state: moments),
      ].map { $0.encoded() }
    case .recordOrder: return [[1, 0, 0, 3, 9, 9, 9, 0, 0, 1, 5]]
    }
  }

  private static let address = PeerAddress(host: "ferry.example", port: 4000)
  private static let members = SmallGroup.fellows
  private static let stage = GroupMessage.Stage(view: 3, round: 1)
  private static let state = SharedState(
    round: 4, tensors: [(name: "a", values: [1, 2]), (name: "b", values: [3])], note: [7])
  private static let chunk = Chunk(
    phase: .reduceScatter, segment: 1, piece: 0, payload: [1, 2, 3, 4])
  private static let hello = Hello(
    version: 1, incarnation: 5, hasAES: true, wantsClear: false, holdsAnother: false, serial: 3,
    run: "fuzz", listens: address, proof: Array(0..<32))
  private static let note: [UInt8] = {
    var out = ByteWriter()
    out.put(each: [UInt64(0)..<4, 9..<12]) {
      $0.put($1.lowerBound)
      $0.put($1.upperBound)
    }
    out.put(run: [5])
    return out.bytes
  }()

  private static let operations: [FerryCollectives.Operation] = [
    .init(.allReduce),
    .init(
      .send, reduce: .max, algorithm: .tree, codec: .int8, root: 1, destination: 2,
      elementType: .i64,
      topology: Topology(order: [2, 0, 1], hub: 1, shares: [1, 2, 3], islands: [[[0, 1], [2]]])),
  ]

  private static let membershipMessages: [MembershipMessage] = {
    let change = ViewChange(
      view: View(number: 9, members: members), committed: 41, resultDigest: [1, 2, 3],
      reason: "a left", blamed: [members[1]])
    let ballot = Ballot(attempt: 6, proposer: members[1])
    let standing = Standing(
      committed: 40, stateDigest: Array(0..<32), holdsState: false,
      held: HeldResult(round: 41, view: 8, digest: [9]))
    let known = KnownAddress(member: members[2], address: address)
    return [
      .greeting(change, addresses: [known]), .knock(linkedTo: members, after: 12),
      .prepare(ballot, succeeding: 8),
      .promise(
        ballot, succeeding: 8, standing,
        accepted: AcceptedChange(ballot: ballot, change: change), hears: members),
      .refuse(ballot, succeeding: 8, promised: ballot), .accept(ballot, succeeding: 8, change),
      .accepted(ballot, succeeding: 8), .installed(change), .farewell, .ping(3), .pong(.max),
    ]
  }()

  private static let stateMessages: [StateMessage] = {
    let root = [UInt8](0..<32)
    return [
      .request(.root), .request(.manifest(root: root)), .request(.chunk(root: root, index: 2)),
      .answer(.root(root, round: 4)),
      .answer(.manifest(root: root, bytes: StateManifest(of: state).encoded())),
      .answer(.chunk(root: root, index: 0, bytes: [1, 2, 3])), .answer(.absent(root: root)),
    ]
  }()

  private static let groupMessages: [GroupMessage] = {
    let ready = GroupMessage.Ready(
      weight: 1.5, note: note, operation: "f32 ring mean", counts: [5, 6],
      stateDigest: Array(0..<32), opening: chunk.encoded())
    return [
      .ready(stage, ready), .chunk(stage, chunk), .done(stage, digest: Array(0..<32)),
      .progress(stage, permille: 500), .hurry(stage), .word([1, 2]), .askCharter,
      .charter([3]), .state(stateMessages[0].encoded()),
      .ready(
        stage,
        .init(
          weight: 1, note: note, operation: "f32",
          plan: PathPlan(
            .hierarchical,
            Topology(order: [1, 0, 2], shares: [1, 0, 2], islands: [[[1, 0], [2]]])))),
      .paths(.train(.init(probe: 2, number: 1, index: 3, padding: 64))),
      .paths(.heard(probe: 2, .again)), .paths(.turn(view: 1, isWhole: false)),
      .paths(.table([.init(from: members[1].id, speed: 91, trip: 37)])),
    ] + membershipMessages.map { .membership($0) }
  }()

  /// What the other side says to a dialler or a listener, as far as it can without an answer.
  private static func greetings(_ role: LinkRole) throws -> [[UInt8]] {
    var dialler = Streams.side(.dialler)
    try dialler.start()
    if role == .dialler { return [[255] + dialler.outgoing] }
    var listener = Streams.side(.listener)
    var queue = ByteQueue(capacity: 16)
    queue.append(dialler.outgoing)
    _ = try listener.take(&queue) { _ in .init(holdsAnother: false, serial: 1) }
    return [[255] + listener.outgoing]
  }

  private static let records: [[UInt8]] = [
    RecordCipher.Kind.clear, .aes256GCM, .chaCha20Poly1305,
  ].enumerated().map { number, kind in
    var sealer = RecordSealer(
      RecordCipher(kind: kind, from: Array(0..<32), hash: Array(0..<32), label: "fuzz"))
    var wire = ByteQueue(capacity: 16)
    for text in ["one", "two"] { sealer.seal(Array(text.utf8)[...], into: &wire) }
    return [UInt8(number), 255] + Array(wire[0..<wire.count])
  }

  private static func ledger() throws -> SampleLedger {
    var ledger = SampleLedger()
    for round in 0..<3 as Range<UInt64> {
      let ranges = ledger.assign(members: 2, perMember: 4)
      try ledger.commit(
        RoundRecord(
          round: round,
          members: [
            MemberSamples(member: "ann", ranges: ranges[0]),
            MemberSamples(member: "bob", ranges: ranges[1]),
          ]))
    }
    return ledger
  }

  private static func book() throws -> [UInt8] {
    var out = ByteWriter()
    out.put(UInt64(12))
    out.put(run: try ledger().encoded())
    out.put(each: [UInt64(3), 4]) { out, round in
      out.put(round)
      out.put(each: members) { out, member in
        out.put(member)
        out.put(each: [round..<round + 4]) {
          $0.put($1.lowerBound)
          $0.put($1.upperBound)
        }
      }
    }
    return out.bytes
  }

  private static func codecs() throws -> [[UInt8]] {
    try CodecKind.allCases.enumerated().map { number, kind in
      let values = (0..<100).map { Float($0) - 40 }
      return [UInt8(number), 100, 0] + (try kind.codec().encode(values, seed: Seed(1)))
    }
  }

  private static func tensors() throws -> [Safetensors.Named] {
    [
      ("weight", HostTensor(([1, 2, 3, 4, 5, 6] as [Float]).span, shape: try Shape([2, 3]))),
      ("step", HostTensor(([7] as [Int64]).span, shape: try Shape([]))),
    ]
  }

  private static func manifest() throws -> [UInt8] {
    let files = MemoryFileSystem()
    let store = try CheckpointStore(folder: "/store", fileSystem: files)
    let metadata = CheckpointMetadata(
      run: "fuzz", round: 3, step: 12, seed: 1, configurationDigest: "c", parityHash: "p",
      textFingerprint: "t")
    let name = try store.save(
      Checkpoint(
        metadata: metadata, tensors: [NamedTensor(name: "a", shape: [2], values: [1, 2])],
        ledger: try ledger()))
    return try files.read("/store/\(name)/manifest.json", byteCountMax: 1 << 20)
  }
}
