// SPDX-License-Identifier: Apache-2.0

import FerryPeers
import Foundation
import Synchronization
import Testing

/// A bare connection to a peer, for what no peer would send.
struct RawSocket {
  let socket: Socket
  private var received = ByteQueue(capacity: 4096)

  init(to address: PeerAddress) throws {
    let found = try SocketAddress.resolve(address, .numeric).get()
    socket = try Socket.connecting(to: #require(found.first)).get()
    var readiness = Readiness()
    readiness.add(socket.descriptor, reads: false, writes: true)
    readiness.wait(.seconds(10))
    #expect(socket.connectionFailure == nil)
  }

  mutating func send(_ bytes: [UInt8]) {
    var queue = ByteQueue(capacity: bytes.count)
    queue.append(bytes)
    while !queue.isEmpty {
      var readiness = Readiness()
      readiness.add(socket.descriptor, reads: false, writes: true)
      readiness.wait(.seconds(10))
      guard case .bytes = queue.drain(to: socket) else { return }
    }
  }

  /// Everything the other side sends until it closes.
  mutating func readToEnd() -> [UInt8] {
    while true {
      var readiness = Readiness()
      readiness.add(socket.descriptor, writes: false)
      readiness.wait(.seconds(20))
      guard readiness.isReadable(0) else {
        Issue.record("the other side neither sends nor closes")
        return []
      }
      if case .bytes = received.fill(from: socket, atMost: 4096) { continue }
      return Array(received[0..<received.count])
    }
  }
}

/// Passes bytes on between callers and a target, and counts them.
final class Proxy: Sendable {
  struct Counts: Equatable {
    var toTarget = 0
    var toCaller = 0
  }

  let address: PeerAddress
  private let counts = Mutex(Counts())
  private let stopping = Mutex(false)
  private let cutting = Mutex(false)
  private let ended = DispatchSemaphore(value: 0)

  init(to target: PeerAddress) throws {
    let loopback = try SocketAddress.resolve(
      PeerAddress(host: "127.0.0.1", port: 0), .numeric
    ).get()
    let listener = try Socket.listening(at: #require(loopback.first), backlog: 16).get()
    address = try #require(listener.localAddress)
    let destination = try #require(SocketAddress.resolve(target, .numeric).get().first)
    Thread.detachNewThread { [self] in
      run(listener, destination)
      ended.signal()
    }
  }

  var counted: Counts { counts.withLock { $0 } }
  /// Closes all connections under way.
  func cut() { cutting.withLock { $0 = true } }
  func stop() {
    stopping.withLock { $0 = true }
    #expect(ended.wait(timeout: .now() + 20) == .success)
  }

  private struct Pair {
    let caller: Socket
    let target: Socket
    var up = ByteQueue(capacity: 65_536)
    var down = ByteQueue(capacity: 65_536)
    var isOver = false

    mutating func note(_ moved: Moved) {
      switch moved {
      case .bytes, .wouldBlock: break
      case .ended, .failed: isOver = true
      }
    }
  }

  private func run(_ listener: Socket, _ destination: SocketAddress) {
    var pairs: [Pair] = []
    while !stopping.withLock({ $0 }) {
      var readiness = Readiness()
      readiness.add(listener.descriptor, writes: false)
      for pair in pairs {
        readiness.add(pair.caller.descriptor, writes: !pair.down.isEmpty)
        readiness.add(pair.target.descriptor, writes: !pair.up.isEmpty)
      }
      readiness.wait(.milliseconds(20))
      for i in pairs.indices {
        if readiness.isReadable(1 + 2 * i) {
          pairs[i].note(pairs[i].up.fill(from: pairs[i].caller, atMost: 65_536))
        }
        if readiness.isReadable(2 + 2 * i) {
          pairs[i].note(pairs[i].down.fill(from: pairs[i].target, atMost: 65_536))
        }
        give(&pairs[i])
      }
      let cuts = cutting.withLock { wanted in
        defer { wanted = false }
        return wanted
      }
      if cuts { pairs = [] }
      pairs.removeAll { $0.isOver }
      while let caller = listener.accepted() {
        if case .success(let target) = Socket.connecting(to: destination) {
          pairs.append(Pair(caller: caller, target: target))
        }
      }
    }
  }

  private func give(_ pair: inout Pair) {
    if !pair.up.isEmpty, case .bytes(let count) = pair.up.drain(to: pair.target) {
      counts.withLock { $0.toTarget += count }
    }
    if !pair.down.isEmpty, case .bytes(let count) = pair.down.drain(to: pair.caller) {
      counts.withLock { $0.toCaller += count }
    }
  }
}
