// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import Foundation
import Testing

/// The other end of a connection to `ferry`, which says what no `ferry` would say.
final class StrangePeer {
  private static let patience: Duration = .seconds(20)

  private let socket: Socket
  private var incoming = ByteQueue(capacity: 4096)

  private init(_ socket: Socket) { self.socket = socket }

  /// Calls a peer on this machine.
  init(calling port: UInt16) throws {
    let address = try SocketAddress.resolve(
      PeerAddress(host: "127.0.0.1", port: port), .numeric
    ).get()
    socket = try Socket.connecting(to: #require(address.first)).get()
    wait(forWriting: true)
    try #require(socket.connectionFailure == nil)
  }

  /// Waits to be called.
  struct Listener {
    private let socket: Socket
    let port: UInt16

    init() throws {
      let address = try SocketAddress.resolve(
        PeerAddress(host: "127.0.0.1", port: 0), .numeric
      ).get()
      socket = try Socket.listening(at: #require(address.first), backlog: 16).get()
      port = try #require(socket.localAddress).port
    }

    func called() throws -> StrangePeer {
      var readiness = Readiness()
      readiness.add(socket.descriptor, writes: false)
      readiness.wait(StrangePeer.patience)
      return StrangePeer(try #require(socket.accepted(), "nobody called"))
    }
  }

  /// The port of this end.
  var port: UInt16 { socket.localAddress?.port ?? 0 }

  func send(_ bytes: [UInt8]) {
    var queue = ByteQueue(capacity: bytes.count)
    queue.append(bytes)
    while !queue.isEmpty {
      wait(forWriting: true)
      // Whoever is told nonsense may hang up in the middle of it.
      if case .failed = queue.drain(to: socket) { return }
    }
  }

  /// So many bytes, once they are here.
  func read(_ count: Int) throws -> [UInt8] {
    while incoming.count < count { try #require(fill(), "it hung up") }
    defer { incoming.dropFirst(count) }
    return Array(incoming[0..<count])
  }

  /// Reads until the other side hangs up.
  func readToEnd() { while fill() {} }

  /// Becomes a link as a peer does that knows the run's secret.
  ///
  /// - Returns: what seals this side's records.
  func link(by line: JoinLine) throws -> RecordSealer {
    var greeting = Greeting(
      role: .dialler,
      own: Greeting.Own(
        identity: Identity(), noiseKey: (1...32).map { $0 }, run: line.run,
        admission: .secret(try #require(line.secret)), incarnation: 1, listens: nil,
        wantsClear: false, hasAES: true),
      place: "test", ephemeral: (101...132).map { $0 })
    try greeting.start()
    var progress = Greeting.Progress.waiting
    while progress != .up {
      send(greeting.outgoing)
      greeting.outgoing = []
      try #require(fill(), "it hung up")
      progress = try greeting.take(&incoming) { _ in .init(holdsAnother: false, serial: 1) }
      if progress == .decisionNeeded {
        try greeting.decide(go: true)
        progress = .up
      }
    }
    send(greeting.outgoing)
    return greeting.records().sealer
  }

  private func wait(forWriting writes: Bool) {
    var readiness = Readiness()
    readiness.add(socket.descriptor, reads: !writes, writes: writes)
    readiness.wait(Self.patience)
  }

  /// Takes what has come; false when the other side has hung up.
  private func fill() -> Bool {
    wait(forWriting: false)
    switch incoming.fill(from: socket, atMost: 65_536) {
    case .bytes: return true
    case .ended, .failed: return false
    case .wouldBlock:
      Issue.record("the other side neither speaks nor hangs up")
      return false
    }
  }
}
