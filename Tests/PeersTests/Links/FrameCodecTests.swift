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

  @Test(
    "a frame under way takes its bytes from the socket; what follows them goes to the queue",
    arguments: [1, 150, 299, 300])
  func straight(atMost: Int) throws {
    let payload = (0..<300).map { UInt8(truncatingIfNeeded: $0) }
    let header = FrameHeader(.exchange, isControl: false, payloadByteCount: payload.count).encoded
    let address = try #require(
      SocketAddress.resolve(PeerAddress(host: "127.0.0.1", port: 0), .numeric).get().first)
    let listener = try Socket.listening(at: address, backlog: 1).get()
    var sender = try RawSocket(to: #require(listener.localAddress))
    let receiver = try #require(listener.accepted())
    sender.send(header + payload + [1, 2, 3])
    var queue = ByteQueue(capacity: 8)
    #expect(queue.fill(from: receiver, atMost: header.count) == .bytes(header.count))
    var assembler = FrameAssembler(frameBytesMax: 300)
    var got: [[UInt8]] = []
    try assembler.take(queue[0..<header.count], place: "") { got.append($1) }
    queue.dropFirst(header.count)
    #expect(assembler.missing == 300)
    while assembler.missing > 0 {
      let most = min(atMost, assembler.missing)
      // All that is spare comes after what the frame is given.
      let spare = most == assembler.missing ? 8 : 0
      let moved = assembler.fill(from: receiver, atMost: most, then: &queue, atMost: spare)
      guard case .bytes = moved else {
        Issue.record("\(moved)")
        return
      }
    }
    try assembler.take([], place: "") { got.append($1) }
    #expect(got == [payload] && Array(queue[0..<queue.count]) == [1, 2, 3])
    #expect(assembler.fill(from: receiver, atMost: 0, then: &queue, atMost: 8) == .wouldBlock)
    sender.socket.finishSending()
    var readiness = Readiness()
    readiness.add(receiver.descriptor, writes: false)
    readiness.wait(.seconds(10))
    #expect(assembler.fill(from: receiver, atMost: 0, then: &queue, atMost: 8) == .ended)
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
