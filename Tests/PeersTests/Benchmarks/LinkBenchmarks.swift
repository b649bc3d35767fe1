// SPDX-License-Identifier: Apache-2.0

import Crypto
import FerryPeers
import Foundation
import Synchronization
import Testing

/// `FERRY_BENCH=1 FERRY_ROOM=Peers swift test -c release --filter Benchmarks`; tiny without it.
@Suite("Benchmarks: links", .serialized)
struct LinkBenchmarks {
  static let isFull = ProcessInfo.processInfo.environment["FERRY_BENCH"] == "1"
  static let frameByteCount = 256 << 10
  static var frameCount: Int { isFull ? 2048 : 8 }
  static var repeats: Int { isFull ? 5 : 1 }

  /// Counts what it gets and keeps nothing.
  struct Sink: PeerLogic {
    let linked: DispatchSemaphore
    let done: DispatchSemaphore
    var frames = 0
    let expected: Int
    var hash: UInt64 = 0

    mutating func handle(_ event: LinkEvent, at now: Duration) -> [LinkAction] {
      switch event {
      case .linked: linked.signal()
      case .received(_, let frame):
        frames += 1
        hash = hash &* 31 &+ UInt64(frame.payload[frames % frame.payload.count])
        if frames == expected {
          frames = 0
          done.signal()
        }
      default: break
      }
      return []
    }
  }

  static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

  static func megabytesPerSecond(_ seconds: Double, directions: Int = 1) -> Double {
    Double(frameByteCount * frameCount * directions) / seconds / 1e6
  }

  /// The same bytes over one bare socket between two threads.
  static func bare() throws -> Double {
    let loopback = try SocketAddress.resolve(
      PeerAddress(host: "127.0.0.1", port: 0), .numeric
    ).get()
    let listener = try Socket.listening(at: #require(loopback.first), backlog: 1).get()
    let raw = try RawSocket(to: #require(listener.localAddress))
    var accepted: Socket?
    while accepted == nil {
      var readiness = Readiness()
      readiness.add(listener.descriptor, writes: false)
      readiness.wait(.seconds(5))
      accepted = listener.accepted()
    }
    let receiver = try #require(accepted)
    let done = DispatchSemaphore(value: 0)
    let total = frameByteCount * frameCount
    let began = Date.now
    Thread.detachNewThread {
      var queue = ByteQueue(capacity: frameByteCount)
      var rest = total
      while rest > 0 {
        switch queue.fill(from: receiver, atMost: frameByteCount) {
        case .bytes(let count):
          rest -= count
          queue.dropFirst(count)
        case .wouldBlock:
          var readiness = Readiness()
          readiness.add(receiver.descriptor, writes: false)
          readiness.wait(.seconds(5))
        default: return
        }
      }
      done.signal()
    }
    let frame = [UInt8](repeating: 7, count: frameByteCount)
    var queue = ByteQueue(capacity: frameByteCount)
    for _ in 0..<frameCount {
      queue.append(frame)
      while !queue.isEmpty {
        if case .bytes = queue.drain(to: raw.socket) { continue }
        var readiness = Readiness()
        readiness.add(raw.socket.descriptor, reads: false, writes: true)
        readiness.wait(.seconds(5))
      }
    }
    #expect(done.wait(timeout: .now() + 60) == .success)
    return megabytesPerSecond(Date.now.timeIntervalSince(began))
  }

  /// One way and both ways over a link; and the processor time of both ends for one way.
  static func linked(
    _ sealing: LinkSettings.Sealing, aes: Bool
  ) throws -> (oneWay: Double, bothWays: Double, secondsPerGigabyte: Double) {
    var settings = Peer.settings()
    settings.sealing = sealing
    settings.hasAES = aes
    let (linked, done) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let loops = try (0..<2).map { _ in
      try LinkLoop(
        logic: Sink(linked: linked, done: done, expected: frameCount), identity: Identity(),
        settings: settings)
    }
    for loop in loops { Thread.detachNewThread { loop.run() } }
    defer { for loop in loops { loop.stop() } }
    let address = loops[1].address
    loops[0].post { _, _ in [.dial(address)] }
    for _ in 0..<2 { #expect(linked.wait(timeout: .now() + 20) == .success) }
    let frame = Frame(.exchange, [UInt8](repeating: 7, count: frameByteCount))
    func time(_ senders: [Int]) -> Double {
      let began = Date.now
      for sender in senders {
        let other = loops[1 - sender].id
        loops[sender].post { _, _ in
          (0..<frameCount).map { _ in LinkAction.send(other, frame) }
        }
      }
      for _ in senders { #expect(done.wait(timeout: .now() + 60) == .success) }
      return Date.now.timeIntervalSince(began)
    }
    _ = time([0])
    let before = clock()
    _ = time([0])
    let seconds = Double(clock() - before) / Double(CLOCKS_PER_SEC)
    return (
      median((0..<repeats).map { _ in megabytesPerSecond(time([0])) }),
      median((0..<repeats).map { _ in megabytesPerSecond(time([0, 1]), directions: 2) }),
      seconds / Double(frameByteCount * frameCount) * 1e9
    )
  }

  @Test("throughput against a bare socket in the same run")
  func throughput() throws {
    let before = clock()
    let bare = Self.median(try (0..<Self.repeats).map { _ in try Self.bare() })
    let bareSeconds =
      Double(clock() - before) / Double(CLOCKS_PER_SEC)
      / Double(Self.repeats * Self.frameByteCount * Self.frameCount) * 1e9
    var lines = [
      "{\"benchmark\":\"links\",\"bareMBps\":\(Int(bare)),"
        + "\"bareCPUSecondsPerGB\":\(String(format: "%.3f", bareSeconds))"
    ]
    for (name, sealing, aes) in [
      ("aes-256-gcm", LinkSettings.Sealing.encrypted, true),
      ("chacha20-poly1305", .encrypted, false), ("clear", .clear, true),
    ] {
      let (oneWay, bothWays, seconds) = try Self.linked(sealing, aes: aes)
      lines.append(
        "\"\(name)\":{\"oneWayMBps\":\(Int(oneWay)),\"bothWaysMBps\":\(Int(bothWays)),"
          + "\"bareOverOneWay\":\(String(format: "%.2f", bare / oneWay)),"
          + "\"cpuSecondsPerGB\":\(String(format: "%.3f", seconds))}")
    }
    if Self.isFull { print(lines.joined(separator: ",") + "}") }
  }

  @Test("what sealing and opening cost without a socket")
  func records() throws {
    for kind in [RecordCipher.Kind.aes256GCM, .chaCha20Poly1305, .clear] {
      let cipher = RecordCipher(
        kind: kind, from: Array(repeating: 1, count: 32), hash: [], label: "")
      var (sealer, opener) = (RecordSealer(cipher), RecordOpener(cipher))
      let plain = [UInt8](repeating: 7, count: RecordSealer.plainBytesMax)
      var wire = ByteQueue(capacity: 1 << 18)
      let count = Self.isFull ? 8192 : 16
      var (sealing, opening) = (0.0, 0.0)
      for _ in 0..<count {
        // Processor time, as the machine may be shared.
        let began = clock()
        sealer.seal(plain[...], into: &wire)
        let sealed = clock()
        let opened = try #require(try opener.open(&wire, place: ""))
        opening += Double(clock() - sealed) / Double(CLOCKS_PER_SEC)
        sealing += Double(sealed - began) / Double(CLOCKS_PER_SEC)
        wire.dropFirst(opened.wireByteCount)
        #expect(opened.plain.count == plain.count)
      }
      let megabytes = Double(count * plain.count) / 1e6
      if Self.isFull {
        print(
          "{\"benchmark\":\"records\",\"cipher\":\"\(kind.rawValue)\","
            + "\"sealMBps\":\(Int(megabytes / sealing)),\"openMBps\":\(Int(megabytes / opening))}")
      }
    }
  }
}
