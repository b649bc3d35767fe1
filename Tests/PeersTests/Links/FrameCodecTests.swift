// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
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
      try assembler.take(stream[start..<min(start + size, stream.count)], place: "") {
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
        try assembler.take(bytes[...], place: "") { header, payload in
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
