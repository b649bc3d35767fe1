// SPDX-License-Identifier: Apache-2.0

import FerryPeers
import Foundation
import Testing

extension ProgramTests {
  /// What a peer of the built program says of the other end of a connection, and that it goes on.
  @Suite("Strangers")
  struct StrangersTests {
    private let yard: Yard

    init() throws { yard = try Yard() }

    /// A peer that trains for longer than any test, and logs who calls.
    private final class FirstPeer {
      let process: FerryProcess
      let line: JoinLine
      private let yard: Yard

      init(in yard: Yard) throws {
        self.yard = yard
        process = try FerryProcess(
          ["train", "--run", "first"] + Yard.tiny + [
            "--set", "run.rounds=1000000", "--set", "telemetry.log=info",
          ], in: yard, log: "first")
        let isThere = waitUntil(within: 30) { yard.read("first/join").hasSuffix("\n") }
        try #require(isThere, "\(process.errors)")
        line = try JoinLine.parse(
          yard.read("first/join").trimmingCharacters(in: .whitespacesAndNewlines))
      }

      var port: UInt16 { line.address.port }

      /// Rounds go on being committed from here.
      func goesOn() -> Bool {
        func rounds() -> Int { yard.read("first/events.jsonl").split(separator: "\n").count }
        let before = rounds()
        return waitUntil(within: 20) { rounds() > before + 20 } && process.isRunning
      }

      /// Its log has, within some seconds, a line with this in it.
      func says(_ text: String) -> Bool {
        waitUntil(within: 20) { process.errors.contains(text) }
      }
    }

    /// `ferry join` by a line; expects the one sentence, and 2.
    private func join(
      _ line: JoinLine, saying sentence: String, while script: () throws -> Void = {}
    ) throws {
      let process = try FerryProcess(
        [
          "join", line.text, "--run", "second", "--identity", "second-id", "--listen",
          "127.0.0.1:0",
        ],
        in: yard, log: "second")
      try script()
      #expect(try process.end(within: 30) == 2)
      process.expectOneError(sentence)
    }

    private func line(to port: UInt16) -> JoinLine {
      JoinLine(
        address: PeerAddress(host: "127.0.0.1", port: port), run: "crossing",
        secret: RunSecret(String(repeating: "A", count: 43)), peer: nil)
    }

    @Test("a wrong secret is told to both, and the run goes on")
    func wrongSecret() throws {
      let first = try FirstPeer(in: yard)
      try join(
        line(to: first.port),
        saying: "wrong-secret: the other side has another secret for run \"crossing\" "
          + "(127.0.0.1:\(first.port)). Copy the join line again from a peer of the run.")
      #expect(first.says("wrong-secret: the other side has another secret for run \"crossing\""))
      #expect(first.goesOn())
    }

    @Test("a host that has no address is told at once")
    func unknownHost() throws {
      let line = JoinLine(
        address: PeerAddress(host: "no-such-host.invalid", port: 1), run: "crossing",
        secret: RunSecret(String(repeating: "A", count: 43)), peer: nil)
      let process = try FerryProcess(
        ["join", line.text, "--run", "second", "--identity", "second-id"], in: yard, log: "second")
      #expect(try process.end(within: 30) == 2)
      // The rest is the system's own sentence, which differs without a network.
      #expect(process.errors.contains("unknown-host: "))
      #expect(process.errors.contains("(no-such-host.invalid:1)"))
    }

    @Test("another run at the address is told")
    func otherRun() throws {
      let first = try FirstPeer(in: yard)
      let other = JoinLine(
        address: first.line.address, run: "another", secret: first.line.secret, peer: nil)
      try join(
        other,
        saying: "other-run: the other side belongs to another run, not to \"another\" "
          + "(127.0.0.1:\(first.port)). Check the run's name and the address.")
      #expect(first.goesOn())
    }

    @Test("a peer of another version is told apart, whoever called")
    func version() throws {
      let listener = try StrangePeer.Listener()
      let at = "127.0.0.1:\(listener.port)"
      try join(
        line(to: listener.port),
        saying: "other-version: the other side speaks protocol version 9, this one 5 (\(at)). "
          + "Install the same release of Ferry on both."
      ) {
        let caller = try listener.called()
        var preamble = try caller.read(Greeting.preambleByteCount)
        // The version's two bytes come after the magic word's six.
        preamble[6...7] = [0, 9]
        caller.send(preamble)
        caller.readToEnd()
      }

      let first = try FirstPeer(in: yard)
      let caller = try StrangePeer(calling: first.port)
      caller.send(Array("ferry\0".utf8) + [0, 9] + [UInt8](repeating: 0, count: 8))
      caller.readToEnd()
      #expect(
        first.says(
          "other-version: the other side speaks protocol version 9, this one 5 "
            + "(127.0.0.1:\(caller.port)). Install the same release of Ferry on both."))
      #expect(first.goesOn())
    }

    @Test("garbage on the port is hung up on, and a port of another program is told")
    func garbage() throws {
      let listener = try StrangePeer.Listener()
      try join(
        line(to: listener.port),
        saying: "not-ferry: what arrived is not Ferry's protocol (127.0.0.1:\(listener.port)). "
          + "Check that the address is a Ferry peer's."
      ) {
        let caller = try listener.called()
        caller.send(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
        caller.readToEnd()
      }

      let first = try FirstPeer(in: yard)
      for bytes in [
        Array("GET / HTTP/1.1\r\n\r\n".utf8), [UInt8](repeating: 0x7F, count: 100_000),
        Array("ferry\0".utf8) + [UInt8](repeating: 0xFF, count: 1000),
      ] {
        let caller = try StrangePeer(calling: first.port)
        caller.send(bytes)
        caller.readToEnd()
        let wrong =
          bytes.starts(with: "ferry\0".utf8)
          ? "other-version: the other side speaks protocol version 65535, this one 5"
          : "not-ferry: what arrived is not Ferry's protocol"
        #expect(first.says("\(wrong) (127.0.0.1:\(caller.port)). "))
      }
      #expect(first.goesOn())
    }

    @Test("a frame longer than its limit ends that link and nothing else")
    func longFrame() throws {
      let first = try FirstPeer(in: yard)
      let fellow = try StrangePeer(calling: first.port)
      var sealer = try fellow.link(by: first.line)
      let header = FrameHeader(
        .exchange, isControl: false, payloadByteCount: LinkLimits.frameBytesMax + 1)
      var wire = ByteQueue(capacity: 64)
      sealer.seal(RecordHeader(.membership).encoded, header.encoded[...], into: &wire)
      fellow.send(Array(wire[0..<wire.count]))
      fellow.readToEnd()
      let sentence =
        "frame-too-long: a frame of 16777217 bytes, more than 16777216 "
        + "(127.0.0.1:\(fellow.port)). The link is closed; install the same release of Ferry on both."
      #expect(first.says(sentence))
      let isLogged = waitUntil(within: 20) {
        yard.read("first/events.jsonl").contains(" was cut off: \(sentence)")
      }
      #expect(isLogged, "the event log does not say why the link ended")
      #expect(first.goesOn())
    }
  }
}
