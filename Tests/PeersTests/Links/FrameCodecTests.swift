// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import Foundation
import Testing

@Suite("Frames")
struct FrameCodecTests {
  @Test("come together from pieces of any size", arguments: [1, 2, 5, 7, 100, 10_000])
  func pieces(size: Int) throws {
    let payloads: [[UInt8]] = [[], [1], Array(repeating: 7, count: 300), [], [2, 3]]
    var stream: [UInt8] = []
    for payload in payloads {
      stream +=
        FrameHeader(.exchange, isControl: false, payloadByteCount: payload.count).encoded + payload
    }
    var assembler = FrameAssembler(frameBytesMax: 300)
    var got: [[UInt8]] = []
    for start in stride(from: 0, to: stream.count, by: size) {
      try assembler.take(Data(stream[start..<min(start + size, stream.count)]), place: "") {
        #expect($0.purpose == .exchange)
        got.append($1)
      }
    }
    #expect(got == payloads)
  }

  @Test("longer than the limit are refused before anything is allocated")
  func tooLong() {
    let header = FrameHeader(.exchange, isControl: false, payloadByteCount: 1001).encoded
    let error = #expect(throws: PeersError.self) {
      try FrameHeader.decode(header, frameBytesMax: 1000, place: "1.2.3.4:5")
    }
    #expect(
      error?.description
        == "frame-too-long: a frame of 1001 bytes, more than 1000 (1.2.3.4:5). "
        + "The link is closed; install the same release of Ferry on both.")
  }

  @Test("20,000 mutated streams end in frames or one error")
  func fuzzed() {
    let stream =
      FrameHeader(.membership, isControl: false, payloadByteCount: 20).encoded
      + [UInt8](repeating: 4, count: 20)
      + FrameHeader(.heartbeat, isControl: true, payloadByteCount: 9).encoded
      + ControlMessage.ping(77).encoded
    var (complete, refused) = (0, 0)
    fuzz(stream, seed: 51) { bytes in
      var assembler = FrameAssembler(frameBytesMax: 1000)
      do throws(PeersError) {
        try assembler.take(Data(bytes), place: "") { header, payload in
          complete += 1
          #expect(header.payloadByteCount == payload.count && payload.count <= 1000)
          if header.isControl { _ = ControlMessage(payload) }
        }
      } catch { refused += 1 }
    }
    #expect(complete > 0 && refused > 0)
  }

  @Test("the link's own messages read back; a reason is one printable line")
  func control() {
    for message in [ControlMessage.ping(1), .pong(.max), .goodbye("enough")] {
      #expect(ControlMessage(message.encoded) == message)
    }
    #expect(ControlMessage(ControlMessage.goodbye("a\n\u{1B}b").encoded) == .goodbye("ab"))
    #expect(ControlMessage([9]) == nil)
  }
}

@Suite("Silence deadline")
struct SilenceDeadlineTests {
  static func fed(gap: Duration, count: Int) -> (SilenceDeadline, Duration) {
    var deadline = SilenceDeadline(
      floor: .seconds(2), ceiling: .seconds(30), window: .milliseconds(250), now: .zero)
    var now = Duration.zero
    for _ in 0..<count {
      now += gap
      deadline.heard(at: now)
    }
    return (deadline, now)
  }

  @Test("a punctual link is allowed the floor, bulk or not", arguments: [250, 1])
  func punctual(milliseconds: Int) {
    let (deadline, now) = Self.fed(gap: .milliseconds(milliseconds), count: 1000)
    #expect(deadline.allowed == .seconds(2))
    #expect(deadline.expires == now + .seconds(2))
  }

  @Test("a slow link is allowed more, and never more than the ceiling")
  func slow() {
    let (slow, _) = Self.fed(gap: .milliseconds(1900), count: 30)
    #expect(slow.allowed > .milliseconds(2500))
    let (slower, _) = Self.fed(gap: .seconds(29), count: 30)
    #expect(slower.allowed == .seconds(30))
  }

  @Test("irregular arrivals are allowed more than regular ones of the same mean")
  func irregular() {
    var deadline = SilenceDeadline(
      floor: .seconds(2), ceiling: .seconds(30), window: .milliseconds(250), now: .zero)
    var now = Duration.zero
    for i in 0..<100 {
      now += i % 2 == 0 ? .milliseconds(300) : .milliseconds(1700)
      deadline.heard(at: now)
    }
    #expect(deadline.allowed > Self.fed(gap: .seconds(1), count: 100).0.allowed)
  }

  @Test("a pause of this process is not the peer's silence")
  func forgives() {
    var (deadline, now) = Self.fed(gap: .milliseconds(250), count: 100)
    now += .seconds(60)
    #expect(deadline.expires < now)
    deadline.forgive(.seconds(60), now: now)
    #expect(deadline.expires == now + .seconds(2))
  }
}
