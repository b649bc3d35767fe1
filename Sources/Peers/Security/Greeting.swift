// SPDX-License-Identifier: Apache-2.0

import Crypto
import FerryBasics
import Foundation

/// How two peers become sure of each other: from the first byte of a connection to a link.
///
/// A preamble in clear (magic word, protocol version, tag of the run), then Noise XX bound to both
/// preambles, then a hello from each side inside the encrypted channel, then the dialler's
/// confirmation, then one side's *go*: the side with the lower id decides, alone, which of several
/// connections between the same two peers becomes their link, so that both always agree.
///
/// A struct of bytes in and bytes out. After an error `outgoing` may still hold what tells the other
/// side why.
package struct Greeting: Sendable {
  package static let protocolVersion: UInt16 = 5
  private static let magic = Array("ferry\0".utf8)
  private static let runTagByteCount = 8
  package static let preambleByteCount = 16
  /// No message of a greeting is longer.
  package static let messageBytesMax = 8192

  /// This side's part.
  package struct Own: Sendable {
    package var identity: Identity
    /// 32 secret bytes of this process's X25519 key.
    package var noiseKey: [UInt8]
    package var run: String
    package var admission: Admission
    package var incarnation: UInt64
    package var listens: PeerAddress?
    package var wantsClear: Bool
    package var hasAES: Bool
    package var version = Greeting.protocolVersion

    package init(
      identity: Identity, noiseKey: [UInt8], run: String, admission: Admission,
      incarnation: UInt64, listens: PeerAddress?, wantsClear: Bool, hasAES: Bool
    ) {
      self.identity = identity
      self.noiseKey = noiseKey
      self.run = run
      self.admission = admission
      self.incarnation = incarnation
      self.listens = listens
      self.wantsClear = wantsClear
      self.hasAES = hasAES
    }
  }

  /// What this side knows, at this moment, about its links with the peer just recognized.
  package struct Standing: Sendable {
    package var holdsAnother: Bool
    package var serial: UInt64

    package init(holdsAnother: Bool, serial: UInt64) {
      self.holdsAnother = holdsAnother
      self.serial = serial
    }
  }

  /// Where the greeting stands after some bytes.
  package enum Progress: Equatable {
    case waiting
    /// All is well with the other side, and it is on us to call `decide`.
    case decisionNeeded
    /// The link is up: what arrives from now on is records.
    case up
  }

  private enum Stage { case preamble, first, second, third, hello, confirmation, decision, go, up }
  private enum Message: UInt8 {
    case hello = 1
    case refusal, confirmation, go
  }
  private enum Refusal: UInt8 {
    case wrongSecret = 1
    case notAllowed, duplicate, sealingDiffers, other
  }

  package let role: LinkRole
  private let own: Own
  /// Where the other side is, for messages.
  private let place: String
  private let expected: PeerID?
  private var stage = Stage.preamble
  private var noise: NoiseXX?
  private let ephemeral: [UInt8]
  private var hash: [UInt8] = []
  private var keys: NoiseXX.Outcome?
  private var sealer: NoiseCipher?
  private var opener: NoiseCipher?
  private var incoming: [UInt8] = []

  /// Bytes for the other side; the caller takes them and empties this.
  package var outgoing: [UInt8] = []
  /// Who the other side has proved to be; before that nil.
  package private(set) var peer: PeerID?
  /// What it told; complete once `decisionNeeded` or `up` was reached.
  package private(set) var hello: Hello?

  /// - Parameter ephemeral: 32 fresh random bytes.
  package init(
    role: LinkRole, own: Own, place: String, expected: PeerID? = nil, ephemeral: [UInt8]
  ) {
    self.role = role
    self.own = own
    self.place = place
    self.expected = expected
    self.ephemeral = ephemeral
  }

  private var preamble: [UInt8] {
    var bytes = Self.magic
    bytes.appendBigEndian(own.version)
    return bytes + SHA256.hash(data: Array(own.run.utf8)).prefix(Self.runTagByteCount)
  }

  /// Begins; the dialler speaks first.
  package mutating func start() throws(PeersError) {
    guard role == .dialler else { return }
    outgoing = preamble
    try begin()
    try send { noise throws in try noise.writeFirst() }
  }

  private mutating func begin() throws(PeersError) {
    // Both sides' preambles are equal, or we would not be here: one copy binds them.
    do {
      noise = try NoiseXX(
        role: role, prologue: preamble, ownStatic: own.noiseKey, ownEphemeral: ephemeral)
    } catch { throw bad("no keys for it") }
  }

  /// Takes bytes that arrived; those after the greeting's end are left in `bytes`.
  ///
  /// - Parameter standing: asked at most once, when the other side has proved who it is.
  package mutating func take(
    _ bytes: inout ByteQueue, standing: (PeerID) -> Standing
  ) throws(PeersError) -> Progress {
    while stage != .up {
      if stage == .decision { return .decisionNeeded }
      if stage == .preamble {
        // Refuse a wrong first byte at once: garbage need not be 16 bytes long.
        for i in 0..<min(bytes.count, Self.magic.count) where bytes[i] != Self.magic[i] {
          throw notFerry()
        }
        guard bytes.count >= Self.preambleByteCount else { return .waiting }
        let theirs = Array(bytes[0..<Self.preambleByteCount])
        bytes.dropFirst(Self.preambleByteCount)
        try takePreamble(theirs)
        continue
      }
      guard bytes.count >= 2 else { return .waiting }
      let length = Int(bytes[0]) << 8 | Int(bytes[1])
      guard length <= Self.messageBytesMax else {
        throw bad("a message of \(length) bytes, more than \(Self.messageBytesMax)")
      }
      guard bytes.count >= 2 + length else { return .waiting }
      let message = Array(bytes[2..<2 + length])
      bytes.dropFirst(2 + length)
      try takeMessage(message, standing)
    }
    return .up
  }

  private mutating func takePreamble(_ theirs: [UInt8]) throws(PeersError) {
    let ours = preamble
    if role == .listener { outgoing += ours }
    let versionAt = Self.magic.count
    let version = UInt16(theirs[versionAt]) << 8 | UInt16(theirs[versionAt + 1])
    guard version == own.version else { throw otherVersion(version) }
    guard theirs == ours else { throw otherRun(nil) }
    if role == .listener {
      try begin()
      stage = .first
    } else {
      stage = .second
    }
  }

  private mutating func takeMessage(
    _ message: [UInt8], _ standing: (PeerID) -> Standing
  ) throws(PeersError) {
    switch stage {
    case .first:
      _ = try read { noise throws in try noise.readFirst(message) }
      let payload = vouching()
      try send { noise throws in try noise.writeSecond(payload: payload) }
      stage = .third
    case .second:
      let payload = try read { noise throws in try noise.readSecond(message) }
      try recognize(payload)
      let ours = vouching()
      try send { noise throws in try noise.writeThird(payload: ours) }
      finishNoise()
      try sendHello(standing)
      stage = .hello
    case .third:
      let payload = try read { noise throws in try noise.readThird(message) }
      finishNoise()
      try recognize(payload)
      stage = .hello
    case .hello:
      try takeHello(open(message))
      if role == .dialler {
        try sendSealed([Message.confirmation.rawValue])
        stage = decides ? .decision : .go
      } else {
        try sendHello(standing)
        stage = .confirmation
      }
    case .confirmation:
      try expect(.confirmation, open(message))
      stage = decides ? .decision : .go
    case .go:
      try expect(.go, open(message))
      stage = .up
    case .preamble, .decision, .up: preconditionFailure("no message is read in this stage")
    }
  }

  /// Whether this side says which connection becomes the link: the lower id does.
  package var decides: Bool { peer.map { own.identity.id < $0 } ?? false }

  /// Says whether this connection becomes the link, after `decisionNeeded`.
  package mutating func decide(go: Bool) throws(PeersError) {
    precondition(stage == .decision, "a decision that was not asked for")
    if go {
      try sendSealed([Message.go.rawValue])
      stage = .up
    } else {
      throw try refuse(.duplicate)
    }
  }

  private func cipherKind(with hello: Hello) -> RecordCipher.Kind {
    own.wantsClear ? .clear : own.hasAES && hello.hasAES ? .aes256GCM : .chaCha20Poly1305
  }

  /// By what the link's strands prove themselves, once up.
  package func strandKeys() -> StrandKeys {
    guard stage == .up, let keys, let hello else { preconditionFailure("the link is not up") }
    return StrandKeys(
      kind: cipherKind(with: hello), secrets: keys.fromDialler + keys.fromListener,
      hash: keys.hash)
  }

  /// The ciphers of the link, once up.
  package func records() -> (sealer: RecordSealer, opener: RecordOpener) {
    guard stage == .up, let keys, let hello else { preconditionFailure("the link is not up") }
    let kind = cipherKind(with: hello)
    let fromDialler = RecordCipher(
      kind: kind, from: keys.fromDialler, hash: keys.hash, label: "ferry records from dialler")
    let fromListener = RecordCipher(
      kind: kind, from: keys.fromListener, hash: keys.hash, label: "ferry records from listener")
    return role == .dialler
      ? (RecordSealer(fromDialler), RecordOpener(fromListener))
      : (RecordSealer(fromListener), RecordOpener(fromDialler))
  }

  // MARK: Noise

  private func vouching() -> [UInt8] {
    noise.map { NoisePayload(identity: own.identity, noiseKey: $0.ownStaticKey).encoded } ?? []
  }

  private mutating func read(
    _ step: (inout NoiseXX) throws -> [UInt8]
  ) throws(PeersError) -> [UInt8] {
    guard var current = noise else { preconditionFailure("Noise has not begun") }
    noise = nil
    do {
      let bytes = try step(&current)
      noise = current
      return bytes
    } catch { throw bad("a message that does not open") }
  }

  private mutating func send(_ step: (inout NoiseXX) throws -> [UInt8]) throws(PeersError) {
    let message = try read(step)
    outgoing.appendBigEndian(UInt16(message.count))
    outgoing += message
  }

  private mutating func finishNoise() {
    guard let outcome = noise?.outcome else { preconditionFailure("Noise has not begun") }
    keys = outcome
    let dials = role == .dialler
    sealer = NoiseCipher(key: dials ? outcome.fromDialler : outcome.fromListener)
    opener = NoiseCipher(key: dials ? outcome.fromListener : outcome.fromDialler)
  }

  private mutating func recognize(_ payload: [UInt8]) throws(PeersError) {
    guard let read = NoisePayload(payload), let key = noise?.theirStatic, read.vouches(for: key)
    else { throw bad("an identity that its key does not prove") }
    guard read.identity != own.identity.id else {
      throw PeersError(
        .duplicateLink, "this is the peer itself", place: place,
        remedy: "Give the address of another peer.")
    }
    peer = read.identity
    if let expected, expected != read.identity {
      throw PeersError(
        .otherPeer, "peer \(read.identity) answered, not \(expected)", place: place,
        remedy: "Ask for a fresh join line: the peer at this address has changed.")
    }
    if case .allowList(let allowed) = own.admission, !allowed.contains(read.identity) {
      // A dialler that is not welcome learns why; its Noise is complete on this side only.
      throw role == .listener ? try refuse(.notAllowed) : notAllowed(read.identity)
    }
  }

  // MARK: Inside the encrypted channel

  private mutating func sendSealed(_ plain: [UInt8]) throws(PeersError) {
    do {
      guard let sealed = try sealer?.seal(plain, authenticating: []) else {
        preconditionFailure("Noise is not complete")
      }
      outgoing.appendBigEndian(UInt16(sealed.count))
      outgoing += sealed
    } catch { throw bad("a message that does not seal") }
  }

  private mutating func open(_ message: [UInt8]) throws(PeersError) -> [UInt8] {
    do {
      guard let plain = try opener?.open(message, authenticating: []) else {
        preconditionFailure("Noise is not complete")
      }
      return plain
    } catch { throw bad("a message that does not open") }
  }

  private func expect(_ wanted: Message, _ plain: [UInt8]) throws(PeersError) {
    if plain.first == Message.refusal.rawValue, plain.count == 2 {
      throw refused(Refusal(rawValue: plain[1]) ?? .other)
    }
    guard plain.first == wanted.rawValue else { throw bad("a message out of order") }
  }

  /// What a side proves: this handshake, and which side of it it is.
  private func transcript(_ role: LinkRole) -> [UInt8] {
    Array("ferry proof \(role == .dialler ? "dialler" : "listener") ".utf8) + (keys?.hash ?? [])
  }

  private mutating func sendHello(_ standing: (PeerID) -> Standing) throws(PeersError) {
    guard let peer else { preconditionFailure("a hello to a stranger") }
    let now = standing(peer)
    var proof = [UInt8](repeating: 0, count: Hello.proofByteCount)
    if case .secret(let secret) = own.admission { proof = secret.proof(over: transcript(role)) }
    let hello = Hello(
      version: own.version, incarnation: own.incarnation, hasAES: own.hasAES,
      wantsClear: own.wantsClear, holdsAnother: now.holdsAnother, serial: now.serial,
      run: own.run, listens: own.listens, proof: proof)
    try sendSealed([Message.hello.rawValue] + hello.encoded)
  }

  private mutating func takeHello(_ plain: [UInt8]) throws(PeersError) {
    try expect(.hello, plain)
    guard let read = Hello(Array(plain.dropFirst())) else { throw bad("a hello that is none") }
    guard read.version == own.version else { throw otherVersion(read.version) }
    guard read.run == own.run else { throw otherRun(read.run) }
    if case .secret(let secret) = own.admission {
      let other: LinkRole = role == .dialler ? .listener : .dialler
      guard secret.verifies(read.proof, over: transcript(other)) else {
        throw try refuse(.wrongSecret)
      }
    }
    guard read.wantsClear == own.wantsClear else { throw try refuse(.sealingDiffers) }
    hello = read
  }

  // MARK: Errors

  /// Tells the other side why, and gives this side's error.
  private mutating func refuse(_ refusal: Refusal) throws(PeersError) -> PeersError {
    try sendSealed([Message.refusal.rawValue, refusal.rawValue])
    return switch refusal {
    case .wrongSecret: wrongSecret()
    case .notAllowed: notAllowed(peer)
    case .sealingDiffers: sealingDiffers()
    case .duplicate, .other: duplicate()
    }
  }

  private func refused(_ refusal: Refusal) -> PeersError {
    switch refusal {
    case .wrongSecret: wrongSecret()
    case .notAllowed:
      PeersError(
        .notAllowed, "the peer does not have this one (\(own.identity.id)) on its allow-list",
        place: place, remedy: "Ask its owner to add this peer's id.")
    case .sealingDiffers: sealingDiffers()
    case .duplicate: duplicate()
    case .other: bad("a refusal without a reason")
    }
  }

  private func wrongSecret() -> PeersError {
    PeersError(
      .wrongSecret, "the other side has another secret for run \"\(own.run)\"", place: place,
      remedy: "Copy the join line again from a peer of the run.")
  }

  private func notAllowed(_ peer: PeerID?) -> PeersError {
    PeersError(
      .notAllowed, "peer \(peer.map(\.description) ?? "unknown") is not on the allow-list",
      place: place, remedy: "Add its id to the allow-list if it belongs to the run.")
  }

  private func sealingDiffers() -> PeersError {
    PeersError(
      .sealingDiffers, "one side wants encrypted links and the other wants them in clear",
      place: place, remedy: "Set the same encryption on both.")
  }

  private func duplicate() -> PeersError {
    PeersError(
      .duplicateLink, "there is a link between these two peers already", place: place,
      remedy: "Nothing needs to be done.")
  }

  private func notFerry() -> PeersError {
    PeersError(
      .notFerry, "what arrived is not Ferry's protocol", place: place,
      remedy: "Check that the address is a Ferry peer's.")
  }

  private func otherVersion(_ version: UInt16) -> PeersError {
    PeersError(
      .otherVersion,
      "the other side speaks protocol version \(version), this one \(own.version)", place: place,
      remedy: "Install the same release of Ferry on both.")
  }

  private func otherRun(_ name: String?) -> PeersError {
    PeersError(
      .otherRun,
      "the other side belongs to \(name.map { "run \"\($0)\"" } ?? "another run"), "
        + "not to \"\(own.run)\"",
      place: place, remedy: "Check the run's name and the address.")
  }

  private func bad(_ what: String) -> PeersError {
    PeersError(
      .badHandshake, what, place: place,
      remedy: "Try again; if it stays so, something between the two changes what they send.")
  }
}
