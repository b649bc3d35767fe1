// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import Foundation
import Testing

@Suite("Greeting")
struct GreetingTests {
  static let noiseKeys: [[UInt8]] = [(1...32).map { $0 }, (33...64).map { $0 }]

  static func side(
    _ role: LinkRole, identity: Identity = Identity(), admission: Admission = .secret(Peer.secret),
    run: String = "test", expected: PeerID? = nil,
    change: (inout Greeting.Own) -> Void = { _ in }
  ) -> Greeting {
    var own = Greeting.Own(
      identity: identity, noiseKey: noiseKeys[role == .dialler ? 0 : 1], run: run,
      admission: admission, incarnation: 5, listens: PeerAddress(host: "h", port: 9),
      wantsClear: false, hasAES: true)
    change(&own)
    return Greeting(
      role: role, own: own, place: role == .dialler ? "host:7000" : "1.2.3.4:5",
      expected: expected, ephemeral: (0..<32).map { $0 &+ (role == .dialler ? 100 : 150) })
  }

  struct Result {
    var progress: Greeting.Progress = .waiting
    var error: PeersError?
  }

  /// Passes messages until both sides are done or stuck; `mutate` may change what travels.
  static func meet(
    _ dialler: inout Greeting, _ listener: inout Greeting,
    mutate: (Int, inout [UInt8]) -> Void = { _, _ in }
  ) -> (dialler: Result, listener: Result) {
    var results = (Result(), Result())
    var flights = 0
    func pass(_ from: inout Greeting, _ to: inout Greeting, _ result: inout Result) -> Bool {
      var bytes = from.outgoing
      from.outgoing = []
      if bytes.isEmpty || result.error != nil { return false }
      mutate(flights, &bytes)
      flights += 1
      var queue = ByteQueue(capacity: 16)
      queue.append(bytes)
      do throws(PeersError) {
        result.progress = try to.take(&queue) { _ in .init(holdsAnother: false, serial: 1) }
        if result.progress == .decisionNeeded {
          try to.decide(go: true)
          result.progress = .up
        }
      } catch { result.error = error }
      return true
    }
    do throws(PeersError) { try dialler.start() } catch { results.0.error = error }
    while pass(&dialler, &listener, &results.1) || pass(&listener, &dialler, &results.0) {}
    return results
  }

  @Test("both sides come up with the same keys, whichever decides", arguments: 0..<8)
  func meets(_: Int) throws {
    var (a, b) = (Self.side(.dialler), Self.side(.listener))
    let results = Self.meet(&a, &b)
    #expect(results.dialler.progress == .up && results.listener.progress == .up)
    #expect(a.decides != b.decides)
    var (sealer, opener) = (a.records().sealer, b.records().opener)
    #expect(sealer.kind == .aes256GCM)
    var wire = ByteQueue(capacity: 16)
    sealer.seal([1, 2, 3], into: &wire)
    #expect(try opener.take(&wire) == [1, 2, 3])
    #expect(b.hello?.listens == PeerAddress(host: "h", port: 9))
  }

  @Test("a wrong secret is named on both sides")
  func wrongSecret() {
    var generator = SplitMix64(Seed(8))
    let other = RunSecret.generated(using: &generator)
    var (a, b) = (Self.side(.dialler, admission: .secret(other)), Self.side(.listener))
    let results = Self.meet(&a, &b)
    #expect(
      results.dialler.error?.description
        == "wrong-secret: the other side has another secret for run \"test\" (host:7000). "
        + "Copy the join line again from a peer of the run.")
    #expect(
      results.listener.error?.description
        == "wrong-secret: the other side has another secret for run \"test\" (1.2.3.4:5). "
        + "Copy the join line again from a peer of the run.")
  }

  @Test("another version is named on both sides")
  func otherVersion() {
    var (a, b) = (Self.side(.dialler), Self.side(.listener) { $0.version = 6 })
    let results = Self.meet(&a, &b)
    #expect(
      results.dialler.error?.description
        == "other-version: the other side speaks protocol version 6, this one 5 (host:7000). "
        + "Install the same release of Ferry on both.")
    #expect(results.listener.error?.what == "the other side speaks protocol version 5, this one 6")
  }

  @Test("another run is named on both sides")
  func otherRun() {
    var (a, b) = (Self.side(.dialler, run: "else"), Self.side(.listener))
    let results = Self.meet(&a, &b)
    #expect(
      results.dialler.error?.description
        == "other-run: the other side belongs to another run, not to \"else\" (host:7000). "
        + "Check the run's name and the address.")
    #expect(results.listener.error?.code == .otherRun)
  }

  @Test("an allow-list admits its own, and tells others why not")
  func allowList() {
    let (x, y, z) = (Identity(), Identity(), Identity())
    var a = Self.side(.dialler, identity: x, admission: .allowList([y.id]))
    var b = Self.side(.listener, identity: y, admission: .allowList([x.id]))
    #expect(Self.meet(&a, &b).listener.progress == .up)
    var c = Self.side(.dialler, identity: z, admission: .allowList([y.id]))
    b = Self.side(.listener, identity: y, admission: .allowList([x.id]))
    let results = Self.meet(&c, &b)
    #expect(
      results.dialler.error?.description
        == "not-allowed: the peer does not have this one (\(z.id)) on its allow-list "
        + "(host:7000). Ask its owner to add this peer's id.")
    #expect(
      results.listener.error?.description
        == "not-allowed: peer \(z.id) is not on the allow-list (1.2.3.4:5). "
        + "Add its id to the allow-list if it belongs to the run.")
  }

  @Test("a peer other than the expected one is refused")
  func otherPeer() {
    let (x, y) = (Identity(), Identity())
    var a = Self.side(.dialler, expected: x.id)
    var b = Self.side(.listener, identity: y)
    #expect(
      Self.meet(&a, &b).dialler.error?.description
        == "other-peer: peer \(y.id) answered, not \(x.id) (host:7000). "
        + "Ask for a fresh join line: the peer at this address has changed.")
  }

  @Test("one side in clear and the other encrypted do not meet")
  func sealingDiffers() {
    var (a, b) = (Self.side(.dialler) { $0.wantsClear = true }, Self.side(.listener))
    let results = Self.meet(&a, &b)
    #expect(
      results.dialler.error?.description
        == "sealing-differs: one side wants encrypted links and the other wants them in clear "
        + "(host:7000). Set the same encryption on both.")
    #expect(results.listener.error?.code == .sealingDiffers)
  }

  @Test("garbage is refused at its first wrong byte")
  func garbage() {
    var listener = Self.side(.listener)
    var queue = ByteQueue(capacity: 16)
    queue.append(Array("GET / HTTP/1.1\r\n".utf8))
    #expect(
      throws: PeersError(
        .notFerry, "what arrived is not Ferry's protocol", place: "1.2.3.4:5",
        remedy: "Check that the address is a Ferry peer's.")
    ) { _ = try listener.take(&queue) { _ in .init(holdsAnother: false, serial: 1) } }
    #expect(listener.outgoing.isEmpty, "strangers are not answered")
  }

  @Test("no changed bit in a greeting goes unnoticed, and none crashes")
  func everyBitCounts() {
    var generator = SplitMix64(Seed(11))
    let (x, y) = (Identity(), Identity())
    var met = 0
    for _ in 0..<400 {
      var (a, b) = (Self.side(.dialler, identity: x), Self.side(.listener, identity: y))
      let flight = Int.random(in: 0..<5, using: &generator)
      var touched = false
      let results = Self.meet(&a, &b) { number, bytes in
        guard number == flight else { return }
        touched = true
        bytes[Int.random(in: bytes.indices, using: &generator)] ^=
          UInt8(1) << UInt8.random(in: 0..<8, using: &generator)
      }
      guard touched else { continue }
      met += 1
      #expect(results.dialler.progress != .up || results.listener.progress != .up)
    }
    #expect(met > 300)
  }

  @Test("20,000 mutated hellos are read as they are or refused")
  func fuzzHello() {
    let hello = Hello(
      version: 1, incarnation: 2, hasAES: true, wantsClear: false, holdsAnother: true, serial: 9,
      run: "run", listens: PeerAddress(host: "example.org", port: 7000),
      proof: Array(repeating: 3, count: 32))
    #expect(Hello(hello.encoded) == hello)
    var read = 0
    fuzz(hello.encoded, seed: 21) { bytes in
      guard let decoded = Hello(bytes) else { return }
      read += 1
      #expect(decoded.encoded == bytes)
    }
    #expect(read > 0)
  }
}

/// Hands out 20,000 mutations of `bytes`: changed, cut, grown, spliced.
func fuzz(_ bytes: [UInt8], seed: UInt64, _ use: ([UInt8]) -> Void) {
  var generator = SplitMix64(Seed(seed))
  for _ in 0..<20_000 {
    var mutated = bytes
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let at = mutated.isEmpty ? 0 : Int.random(in: mutated.indices, using: &generator)
      switch Int.random(in: 0..<5, using: &generator) {
      case 0 where !mutated.isEmpty: mutated[at] = UInt8.random(in: 0...255, using: &generator)
      case 1 where !mutated.isEmpty: mutated[at] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 2 where !mutated.isEmpty: mutated.remove(at: at)
      case 3: mutated.insert(UInt8.random(in: 0...255, using: &generator), at: at)
      default: mutated.removeLast(min(mutated.count, Int.random(in: 0..<8, using: &generator)))
      }
    }
    use(mutated)
  }
}
