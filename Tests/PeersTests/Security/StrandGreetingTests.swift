// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import Testing

@Suite("Strand greeting")
struct StrandGreetingTests {
  static let link = StrandKeys(
    kind: .aes256GCM, secrets: Array(repeating: 7, count: 64), hash: Array(repeating: 8, count: 32))
  static let other = StrandKeys(
    kind: .aes256GCM, secrets: Array(repeating: 6, count: 64), hash: Array(repeating: 8, count: 32))

  static func dialler(_ keys: StrandKeys = link, nonce: UInt8 = 1) -> StrandGreeting {
    StrandGreeting(
      dialling: keys, index: 3, nonce: Array(repeating: nonce, count: 32), place: "host:7000")
  }

  static func listener(nonce: UInt8 = 2) -> StrandGreeting {
    StrandGreeting(listening: Array(repeating: nonce, count: 32), place: "1.2.3.4:5")
  }

  /// What a side makes of bytes.
  static func take(
    _ bytes: [UInt8], by side: inout StrandGreeting, knowing keys: StrandKeys = link
  ) -> Result<StrandGreeting.Progress, PeersError> {
    var queue = ByteQueue(capacity: 16)
    queue.append(bytes)
    do throws(PeersError) {
      return .success(
        try side.take(&queue) { tag, index in tag == keys.tag && index == 3 ? keys : nil })
    } catch { return .failure(error) }
  }

  static func error(_ what: String) -> PeersError {
    PeersError(
      .badStrand, what, place: "1.2.3.4:5",
      remedy: "The link goes on without it; if it stays so, something else answers at its address.")
  }

  @Test("two ends of one link come up, and read each other's records")
  func meets() throws {
    var (a, b) = (Self.dialler(), Self.listener())
    #expect(Self.take(a.outgoing, by: &b) == .success(.waiting))
    #expect(a.outgoing.count == StrandGreeting.helloByteCount)
    #expect(Self.take(b.outgoing, by: &a) == .success(.up))
    #expect(Self.take(Array(a.outgoing.suffix(32)), by: &b) == .success(.up))
    #expect(b.index == 3)
    for (from, to) in [(a, b), (b, a)] {
      var (sealer, opener) = (from.records().sealer, to.records().opener)
      var wire = ByteQueue(capacity: 16)
      sealer.seal([1, 2, 3], into: &wire)
      #expect(try opener.take(&wire) == [1, 2, 3])
    }
  }

  @Test("whoever lacks the link's key is refused at the hello, its tag known or not")
  func strangers() {
    var b = Self.listener()
    #expect(
      Self.take(Self.dialler(Self.other).outgoing, by: &b)
        == .failure(Self.error("no link here has room for this strand")))
    // It has overheard the tag, which travels in clear.
    var forged = Self.dialler(Self.other).outgoing
    forged.replaceSubrange(8..<24, with: Self.link.tag)
    b = Self.listener()
    #expect(
      Self.take(forged, by: &b)
        == .failure(Self.error("a strand's hello does not fit the link's key")))
    #expect(b.outgoing.isEmpty, "a stranger gets no answer")
  }

  @Test("a hello that was overheard and sent again cannot be confirmed")
  func replay() {
    var (a, b) = (Self.dialler(), Self.listener())
    let hello = a.outgoing
    _ = Self.take(hello, by: &b)
    _ = Self.take(b.outgoing, by: &a)
    let confirmation = Array(a.outgoing.suffix(32))
    // The same flights once more: this listener's nonce is another.
    var again = Self.listener(nonce: 9)
    #expect(Self.take(hello, by: &again) == .success(.waiting))
    #expect(again.outgoing != b.outgoing)
    #expect(
      Self.take(confirmation, by: &again)
        == .failure(Self.error("a strand's confirmation does not fit the link's key")))
  }

  @Test("an answer that was overheard does not fit another hello, nor a hello its own sender")
  func reflection() {
    var (a, b) = (Self.dialler(), Self.listener())
    _ = Self.take(a.outgoing, by: &b)
    var fresh = Self.dialler(nonce: 5)
    guard case .failure(let error) = Self.take(b.outgoing, by: &fresh) else {
      Issue.record("a stale answer was taken")
      return
    }
    #expect(error.what == "a strand's answer does not fit the link's key")
    var mirrored = Self.dialler()
    #expect(throws: PeersError.self) { try Self.take(mirrored.outgoing, by: &mirrored).get() }
  }

  @Test("two strands of one link share no key")
  func keys() {
    func sealed(_ nonce: UInt8) -> [UInt8] {
      var (a, b) = (Self.dialler(nonce: nonce), Self.listener())
      _ = Self.take(a.outgoing, by: &b)
      _ = Self.take(b.outgoing, by: &a)
      var sealer = a.records().sealer
      var wire = ByteQueue(capacity: 16)
      sealer.seal([1, 2, 3], into: &wire)
      return Array(wire[0..<wire.count])
    }
    #expect(sealed(1) == sealed(1))
    #expect(sealed(1) != sealed(2))
  }

  @Test("20,000 mutated hellos are refused, all but the true one")
  func fuzzed() {
    let hello = Self.dialler().outgoing
    var (waiting, refused) = (0, 0)
    fuzz(hello, seed: 61) { bytes in
      var b = Self.listener()
      switch Self.take(bytes, by: &b) {
      case .success(let progress):
        waiting += 1
        #expect(progress == .waiting)
        #expect(b.outgoing.isEmpty || bytes.starts(with: hello))
      case .failure: refused += 1
      }
    }
    #expect(waiting > 0 && refused > 0)
  }
}
