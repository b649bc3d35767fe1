// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The floor that an all-reduce is measured against: a ring on bare TCP sockets of this machine.
///
/// One thread a rank; no encryption, no frames, no checks, the floats added where they arrive. What
/// the product's all-reduce takes over this, in the same run, is what safety costs.
public enum BareSocketRing {
  /// What was measured.
  public struct Timing: Sendable {
    /// Of one all-reduce, as its slowest rank saw it, ascending.
    public let durations: [Duration]
    public var median: Duration { durations[durations.count / 2] }
    public var p90: Duration { durations[durations.count * 9 / 10] }
  }

  /// Runs all-reduces over `bytes` (rounded down to whole floats) among `ranks` threads.
  ///
  /// A first one, not measured, is checked: every element must be the number of ranks.
  /// - Throws: `.badGroup` when the sockets cannot be had or the sum is wrong.
  public static func measure(ranks: Int, bytes: Int, iterations: Int) throws -> Timing {
    precondition(ranks > 1 && iterations > 0, "\(ranks) ranks, \(iterations) iterations")
    var sending: [Int32] = []
    var receiving = [Int32](repeating: -1, count: ranks)
    defer { for socket in sending + receiving where socket >= 0 { close(socket) } }
    for rank in 0..<ranks {
      let pair = try BareSockets.pair()
      sending.append(pair.out)
      receiving[(rank + 1) % ranks] = pair.in
    }
    let seconds = Mutex([Duration](repeating: .zero, count: iterations))
    let problems = Mutex([String]())
    let done = DispatchGroup()
    for rank in 0..<ranks {
      let (out, into) = (sending[rank], receiving[rank])
      done.enter()
      let thread = Thread {
        defer { done.leave() }
        var member = BareRingMember(
          rank: rank, ranks: ranks, count: bytes / 4, out: out, into: into)
        guard member.run(), member.isAll(Float(ranks)) else {
          problems.withLock { $0.append("rank \(rank) has a wrong sum or lost its link") }
          // The others must not wait for this one for ever.
          shutdown(out, Int32(SHUT_RDWR))
          shutdown(into, Int32(SHUT_RDWR))
          return
        }
        member.clear()
        for iteration in 0..<iterations {
          let start = ContinuousClock.now
          guard member.run() else {
            problems.withLock { $0.append("rank \(rank) lost its link") }
            return
          }
          let took = ContinuousClock.now - start
          seconds.withLock { $0[iteration] = max($0[iteration], took) }
        }
      }
      thread.stackSize = 1 << 20
      thread.start()
    }
    done.wait()
    if let problem = problems.withLock({ $0.first }) {
      throw CollectiveError(
        .badGroup, problem, place: "bare-socket ring", remedy: "Run it again on a quiet machine.")
    }
    return Timing(durations: seconds.withLock { $0.sorted() })
  }
}

/// One rank: sends a segment and receives one at the same time, `2 (W − 1)` times.
private struct BareRingMember {
  private let rank: Int
  private let ranks: Int
  private let out: Int32
  private let into: Int32
  private var values: [Float]
  private var arrived: [Float]

  init(rank: Int, ranks: Int, count: Int, out: Int32, into: Int32) {
    self.rank = rank
    self.ranks = ranks
    self.out = out
    self.into = into
    values = Array(repeating: 1, count: count)
    arrived = Array(repeating: 0, count: 1 << 16)
  }

  func isAll(_ value: Float) -> Bool { values.allSatisfy { $0 == value } }

  mutating func clear() { for i in values.indices { values[i] = 0 } }

  private func segment(_ index: Int) -> Range<Int> {
    let index = (index + 2 * ranks) % ranks
    let (base, longer) = values.count.quotientAndRemainder(dividingBy: ranks)
    let start = index * base + min(index, longer)
    return start..<start + base + (index < longer ? 1 : 0)
  }

  /// One all-reduce; false when a link broke.
  mutating func run() -> Bool {
    for step in 0..<ranks - 1 {
      guard exchange(segment(rank - step), segment(rank - step - 1), adds: true) else {
        return false
      }
    }
    for step in 0..<ranks - 1 {
      guard exchange(segment(rank + 1 - step), segment(rank - step), adds: false) else {
        return false
      }
    }
    return true
  }

  private mutating func exchange(
    _ sent: Range<Int>, _ received: Range<Int>, adds: Bool
  ) -> Bool {
    var (toSend, toReceive) = (4 * sent.count, 4 * received.count)
    /// Bytes in `arrived` that are not added yet.
    var waiting = 0
    while toSend > 0 || toReceive > 0 {
      var moved = false
      if toSend > 0 {
        let count = BareSockets.send(
          out, values, from: 4 * sent.upperBound - toSend, count: toSend)
        if count < 0 { return false }
        toSend -= count
        moved = count > 0
      }
      if toReceive > 0 {
        let waits = toSend == 0
        if adds {
          let room = min(4 * arrived.count - waiting, toReceive)
          let count = BareSockets.receive(
            into, &arrived, at: waiting, count: room, waits: waits)
          if count < 0 { return false }
          let start = received.upperBound - (toReceive + waiting) / 4
          toReceive -= count
          waiting += count
          moved = moved || count > 0
          if waiting == 4 * arrived.count || toReceive == 0 {
            add(waiting / 4, at: start)
            waiting = 0
          }
        } else {
          let count = BareSockets.receive(
            into, &values, at: 4 * received.upperBound - toReceive, count: toReceive, waits: waits)
          if count < 0 { return false }
          toReceive -= count
          moved = moved || count > 0
        }
      }
      if !moved { BareSockets.wait(sending: toSend > 0 ? out : -1, receiving: into) }
    }
    return true
  }

  private mutating func add(_ count: Int, at start: Int) {
    Self.add(arrived, count, to: &values, at: start)
  }

  private static func add(
    _ source: borrowing [Float], _ count: Int, to values: inout [Float], at start: Int
  ) {
    var all = values.mutableSpan
    var target = all._mutatingExtracting(start..<start + count)
    Kernels.accumulate(source.span.extracting(0..<count), into: &target)
  }
}

/// The few system calls that the floor needs, on memory that Swift owns.
private enum BareSockets {
  /// Two ends of one TCP link over loopback.
  static func pair() throws(CollectiveError) -> (out: Int32, in: Int32) {
    func failed(_ call: String) -> CollectiveError {
      CollectiveError(
        .badGroup, "\(call) failed with error \(errno)", place: "bare-socket ring",
        remedy: "Check that this machine has a loopback interface and free descriptors.")
    }
    #if canImport(Glibc)
      let stream = Int32(SOCK_STREAM.rawValue)
    #else
      let stream = SOCK_STREAM
    #endif
    let listener = socket(AF_INET, stream, 0)
    guard listener >= 0 else { throw failed("socket") }
    defer { close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let out = socket(AF_INET, stream, 0)
    guard out >= 0 else { throw failed("socket") }
    let isConnected = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      // SAFETY: a `sockaddr_in` seen as the `sockaddr` it begins with, for the length of the calls.
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { general in
        unsafe bind(listener, general, length) == 0 && listen(listener, 1) == 0
          && getsockname(listener, general, &length) == 0 && connect(out, general, length) == 0
      }
    }
    guard isConnected else {
      close(out)
      throw failed("connecting over loopback")
    }
    let into = accept(listener, nil, nil)
    guard into >= 0 else {
      close(out)
      throw failed("accept")
    }
    for socket in [out, into] {
      var on: Int32 = 1
      // SAFETY: the option's value lives for the length of the call.
      _ = unsafe setsockopt(
        socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
      #if canImport(Darwin)
        _ = unsafe setsockopt(
          socket, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
      #endif
    }
    return (out, into)
  }

  /// Bytes sent, 0 when the link takes none now, -1 when it is broken.
  static func send(
    _ socket: Int32, _ values: borrowing [Float], from offset: Int, count: Int
  ) -> Int {
    #if canImport(Darwin)
      let flags = MSG_DONTWAIT
    #else
      let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
    #endif
    return unsafe values.span.withUnsafeBytes { bytes in
      precondition(offset >= 0 && offset + count <= bytes.count, "\(count) bytes at \(offset)")
      // SAFETY: within the array, checked above; read for the length of the call.
      return unsafe outcome(systemSend(socket, bytes.baseAddress! + offset, count, flags))
    }
  }

  /// Bytes received, 0 when none are there, -1 when the link is broken or closed.
  static func receive(
    _ socket: Int32, _ values: inout [Float], at offset: Int, count: Int, waits: Bool
  ) -> Int {
    #if canImport(Darwin)
      let flags = waits ? 0 : MSG_DONTWAIT
    #else
      let flags = waits ? 0 : Int32(MSG_DONTWAIT)
    #endif
    return unsafe values.withUnsafeMutableBytes { bytes in
      precondition(offset >= 0 && offset + count <= bytes.count, "\(count) bytes at \(offset)")
      // SAFETY: within the array, checked above; every bit pattern is a float.
      let got = unsafe recv(socket, bytes.baseAddress! + offset, count, flags)
      return got == 0 ? -1 : outcome(got)
    }
  }

  /// Until something can be sent or received.
  static func wait(sending: Int32, receiving: Int32) {
    var sockets = [
      pollfd(fd: sending, events: Int16(POLLOUT), revents: 0),
      pollfd(fd: receiving, events: Int16(POLLIN), revents: 0),
    ]
    // SAFETY: two descriptors, as said.
    _ = unsafe poll(&sockets, 2, 1000)
  }

  private static func systemSend(
    _ socket: Int32, _ bytes: UnsafeRawPointer, _ count: Int, _ flags: Int32
  ) -> Int {
    #if canImport(Glibc)
      unsafe Glibc.send(socket, bytes, count, flags)
    #else
      unsafe Darwin.send(socket, bytes, count, flags)
    #endif
  }

  private static func outcome(_ count: Int) -> Int {
    if count >= 0 { return count }
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1
  }
}
