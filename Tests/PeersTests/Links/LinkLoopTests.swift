// SPDX-License-Identifier: Apache-2.0

import Dispatch
import FerryBasics
import FerryPeers
import Foundation
import Testing

@Suite("Links over TCP", .serialized)
struct LinkLoopTests {
  @Test("two peers link, and both know who, which life and where")
  func links() throws {
    let (a, b) = (try Peer(), try Peer(settings: Peer.settings(2)))
    defer {
      a.stop()
      b.stop()
    }
    a.perform(.dial(b.address))
    a.waitForLink(to: b)
    b.waitForLink(to: a)
    guard case .linked(let member, let address)? = b.events.first else {
      Issue.record("\(b.events)")
      return
    }
    #expect(member == Member(id: a.id, incarnation: 1))
    #expect(address == a.address)
  }

  @Test(
    "frames of every size arrive whole, in order, with their purpose",
    arguments: [LinkSettings.Sealing.encrypted, .clear],
    [(true, false), (false, false), (true, true)])
  func frames(sealing: LinkSettings.Sealing, way: (aes: Bool, local: Bool)) throws {
    let (aes, local) = way
    var settings = Peer.settings(local: local)
    settings.sealing = sealing
    settings.hasAES = aes
    let (a, b) = (try Peer(settings: settings), try Peer(settings: settings))
    defer {
      a.stop()
      b.stop()
    }
    a.perform(.dial(b.address))
    a.waitForLink(to: b)
    // About the ends of one record and two, sealed and in clear.
    let sizes = [
      0, 1, 2, 32_762, 32_763, 32_764, 65_531, 65_532, 262_120, 262_121, 262_122, 262_123, 524_243,
      1 << 20, 8 << 20, 3,
    ]
    var generator = SplitMix64(Seed(1))
    let sent = sizes.enumerated().map { i, size in
      Frame(
        Purpose.allCases[i % 5],
        (0..<size).map { _ in UInt8(truncatingIfNeeded: generator.next()) & 0x7F })
    }
    let (actions) = sent.map { LinkAction.send(b.id, $0) }
    a.loop.post { _, _ in actions }
    b.wait(for: "frames") { $0.frames.count == sizes.count }
    // Each lane in its order; bulk never before what was urgent and sent before it.
    func lane(_ frames: [Frame], isBulk: Bool) -> [Frame] {
      frames.filter { $0.purpose.isBulk == isBulk }
    }
    for isBulk in [true, false] {
      #expect(lane(b.frames, isBulk: isBulk) == lane(sent, isBulk: isBulk))
    }
    // And back, by the echo.
    let marked = sent.map { Frame($0.purpose, [Peer.Recorder.echo] + $0.payload) }
    let marks = marked.map { LinkAction.send(b.id, $0) }
    a.loop.post { _, _ in marks }
    a.wait(for: "echoes") { $0.frames.count == sizes.count }
    let echoes = sent.map { Frame($0.purpose, [0] + $0.payload) }
    for isBulk in [true, false] {
      #expect(lane(a.frames, isBulk: isBulk) == lane(echoes, isBulk: isBulk))
    }
  }

  @Test("a peer that ends is reported gone, not merely closed")
  func gone() throws {
    let (a, b) = (try Peer(), try Peer())
    defer { a.stop() }
    a.perform(.dial(b.address))
    a.waitForLink(to: b)
    b.waitForLink(to: a)
    b.stop()
    a.wait(for: "loss") { !$0.losses.isEmpty }
    #expect(a.losses == [.processGone])
  }

  @Test("dialling where nobody listens is answered: gone")
  func refused() throws {
    let (a, b) = (try Peer(), try Peer())
    defer { a.stop() }
    let nowhere = b.address
    b.stop()
    a.perform(.dial(nowhere))
    a.wait(for: "failure") { !$0.failures.isEmpty }
    #expect(a.failures == [.processGone])
  }

  @Test("both dial at once, again and again, and one link comes of it", arguments: 0..<10)
  func simultaneous(_: Int) throws {
    let (a, b) = (try Peer(), try Peer())
    defer {
      a.stop()
      b.stop()
    }
    a.perform(.dial(b.address))
    b.perform(.dial(a.address))
    a.waitForLink(to: b)
    b.waitForLink(to: a)
    // A round trip each way, on whatever link is left, and nothing was ever reported lost.
    for (x, y) in [(a, b), (b, a)] {
      x.perform(.send(y.id, Frame(.exchange, [Peer.Recorder.echo, 1])))
      x.wait(for: "echo") { $0.frames.count == 1 }
    }
    #expect(a.events.count == 1 && b.events.count == 1, "\(a.events) \(b.events)")
  }

  @Test("a peer that restarts is reported gone and then linked in its new life")
  func restart() throws {
    let a = try Peer()
    defer { a.stop() }
    let identity = Identity()
    let b = try Peer(identity: identity)
    a.perform(.dial(b.address))
    a.waitForLink(to: b)
    b.stop()
    a.wait(for: "loss") { !$0.losses.isEmpty }
    var settings = Peer.settings(99)
    settings.listen = b.address
    let again = try Peer(identity: identity, settings: settings)
    defer { again.stop() }
    a.perform(.dial(again.address))
    a.waitForLink(to: again)
    #expect(a.losses == [.processGone])
  }

  @Test("a connection that is cut comes back: down and up, same life")
  func cut() throws {
    let (a, b) = (try Peer(), try Peer())
    defer {
      a.stop()
      b.stop()
    }
    let proxy = try Proxy(to: b.address)
    defer { proxy.stop() }
    a.perform(.dial(proxy.address))
    a.waitForLink(to: b)
    b.waitForLink(to: a)
    proxy.cut()
    a.wait(for: "return") { $0.events.count >= 3 }
    guard case .closed = a.losses.first else {
      Issue.record("\(a.events)")
      return
    }
    a.waitForLink(to: b)
    b.waitForLink(to: a)
  }

  @Test("a hang-up tells the other side why, and is not undone")
  func hangUp() throws {
    let (a, b) = (try Peer(), try Peer())
    defer {
      a.stop()
      b.stop()
    }
    a.perform(.dial(b.address))
    a.waitForLink(to: b)
    b.waitForLink(to: a)
    a.perform(.hangUp(b.id, reason: "lunch"))
    b.wait(for: "loss") { !$0.losses.isEmpty }
    a.wait(for: "loss") { !$0.losses.isEmpty }
    #expect(a.losses == [.hungUp("lunch")])
    #expect(b.losses == [.closed("it hung up: lunch")])
  }

  @Test("a wrong secret ends the dial with the reason")
  func wrongSecret() throws {
    var generator = SplitMix64(Seed(99))
    var settings = Peer.settings()
    settings.admission = .secret(RunSecret.generated(using: &generator))
    let (a, b) = (try Peer(settings: settings), try Peer())
    defer {
      a.stop()
      b.stop()
    }
    a.perform(.dial(b.address))
    a.wait(for: "failure") { !$0.failures.isEmpty }
    #expect(
      a.failures == [
        .hungUp(
          "wrong-secret: the other side has another secret for run \"test\" (\(b.address)). "
            + "Copy the join line again from a peer of the run.")
      ])
    #expect(b.events.isEmpty)
  }

  @Test("a peer of another version ends the dial with both versions")
  func otherVersion() throws {
    var settings = Peer.settings()
    settings.protocolVersion = 6
    let (a, b) = (try Peer(settings: settings), try Peer())
    defer {
      a.stop()
      b.stop()
    }
    a.perform(.dial(b.address))
    a.wait(for: "failure") { !$0.failures.isEmpty }
    #expect(
      a.failures == [
        .hungUp(
          "other-version: the other side speaks protocol version 5, this one 6 "
            + "(\(b.address)). Install the same release of Ferry on both.")
      ])
  }

  @Test("garbage on the port is cut off and harms nobody")
  func garbage() throws {
    let (a, b) = (try Peer(), try Peer())
    defer {
      a.stop()
      b.stop()
    }
    var generator = SplitMix64(Seed(3))
    for i in 0..<20 {
      var raw = try RawSocket(to: b.address)
      // Some begin as a peer would, and go wrong later.
      raw.send(
        (i % 2 == 0 ? [] : Array("ferry\0".utf8))
          + (0..<200).map { _ in UInt8.random(in: 0...255, using: &generator) })
      _ = raw.readToEnd()
    }
    a.perform(.dial(b.address))
    a.waitForLink(to: b)
    #expect(b.events.count <= 1)
  }

  @Test("a frame over the receiver's limit hangs up with the numbers")
  func tooLong() throws {
    var settings = Peer.settings()
    settings.frameBytesMax = 1000
    let (a, b) = (try Peer(), try Peer(settings: settings))
    defer {
      a.stop()
      b.stop()
    }
    a.perform(.dial(b.address))
    a.waitForLink(to: b)
    b.waitForLink(to: a)
    a.perform(.send(b.id, Frame(.exchange, Array(repeating: 0, count: 1001))))
    b.wait(for: "loss") { !$0.losses.isEmpty }
    guard case .hungUp(let why)? = b.losses.first else {
      Issue.record("\(b.losses)")
      return
    }
    #expect(why.hasPrefix("frame-too-long: a frame of 1001 bytes, more than 1000 ("))
    a.wait(for: "loss") { !$0.losses.isEmpty }
    #expect(a.losses == [.closed("it hung up: \(why)")])
  }

  @Test("a queue that grows past its limit hangs up")
  func overflow() throws {
    var settings = Peer.settings()
    settings.queueBytesMax = 1 << 20
    settings.socketBufferBytes = 65_536
    let (a, b) = (try Peer(settings: settings), try Peer())
    defer {
      a.stop()
      b.stop()
    }
    a.perform(.dial(b.address))
    a.waitForLink(to: b)
    let frame = Frame(.exchange, Array(repeating: 0, count: 8 << 20))
    let id = b.id
    b.waitForLink(to: a)
    // Nothing is read at the other end meanwhile.
    let gate = DispatchSemaphore(value: 0)
    b.loop.post { _, _ in
      _ = gate.wait(timeout: .now() + 60)
      return []
    }
    a.loop.post { _, _ in [.send(id, frame), .send(id, frame)] }
    a.wait(for: "loss") { !$0.losses.isEmpty }
    gate.signal()
    #expect(a.losses == [.hungUp("more than 1048576 bytes wait to be sent to it")])
  }

  @Test("a peer that falls silent without closing is lost after the deadline")
  func silent() throws {
    var settings = Peer.settings()
    settings.silenceMin = .milliseconds(400)
    settings.silenceMax = .milliseconds(800)
    settings.heartbeatInterval = .milliseconds(50)
    let a = try Peer(settings: settings)
    let b = try Peer()
    defer {
      a.stop()
      b.stop()
    }
    a.perform(.dial(b.address))
    a.waitForLink(to: b)
    // Its loop stops answering, but its kernel goes on: as under SIGSTOP.
    let (hold, release) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    b.loop.post { _, _ in
      hold.signal()
      release.wait()
      return []
    }
    hold.wait()
    a.wait(for: "loss") { !$0.losses.isEmpty }
    release.signal()
    guard case .silent(let after)? = a.losses.first else {
      Issue.record("\(a.losses)")
      return
    }
    #expect(after >= .milliseconds(400) && after < .milliseconds(2000))
  }

  @Test("a caller that says nothing is dropped after the handshake's deadline")
  func mute() throws {
    var settings = Peer.settings()
    settings.handshakeMax = .milliseconds(200)
    let a = try Peer(settings: settings)
    defer { a.stop() }
    var raw = try RawSocket(to: a.address)
    #expect(raw.readToEnd() == [])
  }

  @Test("callers beyond the limit of handshakes are turned away, those within it not")
  func crowd() throws {
    var settings = Peer.settings()
    settings.handshakesMax = 2
    let a = try Peer(settings: settings)
    defer { a.stop() }
    let first = try RawSocket(to: a.address)
    let second = try RawSocket(to: a.address)
    var third = try RawSocket(to: a.address)
    #expect(third.readToEnd() == [])
    _ = (first, second)
  }

  @Test("a port in use is named, with the remedy")
  func portInUse() throws {
    let a = try Peer()
    defer { a.stop() }
    var settings = Peer.settings()
    settings.listen = a.address
    let error = #expect(throws: PeersError.self) { try Peer(settings: settings) }
    #expect(
      error?.description
        == "port-in-use: another program listens on port \(a.address.port) (\(a.address)). "
        + "Choose another port, or 0 for any that is free, or stop that program.")
  }

  @Test(
    "a peer on every address is reached by name, IPv4 and IPv6",
    arguments: [
      "localhost", "127.0.0.1", "::1",
    ])
  func everyAddress(host: String) throws {
    var settings = Peer.settings()
    settings.listen = PeerAddress(host: "", port: 0)
    let (a, b) = (try Peer(), try Peer(settings: settings))
    defer {
      a.stop()
      b.stop()
    }
    a.perform(.dial(PeerAddress(host: host, port: b.address.port)))
    a.waitForLink(to: b)
    guard case .linked(_, let address?)? = a.events.first else {
      Issue.record("\(a.events)")
      return
    }
    #expect(address.port == b.address.port && !address.host.isEmpty)
  }

  @Test("nobody links to itself")
  func itself() throws {
    let a = try Peer()
    defer { a.stop() }
    a.perform(.dial(a.address))
    a.wait(for: "failure") { !$0.failures.isEmpty }
    #expect(
      a.failures == [
        .hungUp(
          "duplicate-link: this is the peer itself (\(a.address)). "
            + "Give the address of another peer.")
      ])
  }

  @Test("an idle link measures its round trip")
  func roundTrip() throws {
    var settings = Peer.settings()
    settings.heartbeatInterval = .milliseconds(10)
    let (a, b) = (try Peer(settings: settings), try Peer(settings: settings))
    defer {
      a.stop()
      b.stop()
    }
    a.perform(.dial(b.address))
    a.waitForLink(to: b)
    let deadline = Date.now.addingTimeInterval(Peer.patience)
    while a.loop.links.first?.roundTrip == nil, Date.now < deadline {
      a.perform()
    }
    let report = try #require(a.loop.links.first)
    #expect(report.member == b.member && report.cipher == "aes-256-gcm")
    #expect(try #require(report.roundTrip) < .seconds(1))
  }
}
