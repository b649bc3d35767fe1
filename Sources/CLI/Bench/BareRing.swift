// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation

/// What a ring all-reduce costs without ferry: bare TCP sockets, floats added, nothing else.
///
/// Each rank sends to the next and receives from the one before at the same time; segments as in
/// the textbook, no frames, no checks, no encryption. For comparison only.
@safe
final class BareRing {
  private let listener: Int32
  private var next: Int32 = -1
  private var previous: Int32 = -1
  private var scratch: [Float] = []
  /// Where this rank accepts the one before it.
  let port: UInt16

  /// The most bytes given to one call of the system.
  private static let callBytesMax = 1 << 20

  init() throws(CLIError) {
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = Self.loopback(port: 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = listener
    // SAFETY: the address lives on this frame for each call, with its true length.
    let isOpen = unsafe withUnsafeMutablePointer(to: &address) { address in
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
        unsafe bind(listener, raw, length) == 0 && listen(listener, 4) == 0
          && getsockname(listener, raw, &length) == 0
      }
    }
    guard isOpen else { throw Self.failed("no port of loopback is free") }
    port = UInt16(bigEndian: address.sin_port)
  }

  deinit {
    for descriptor in [listener, next, previous] where descriptor >= 0 { close(descriptor) }
  }

  /// Closes the ring: connects to the next rank, and accepts the one before.
  func connect(to port: UInt16) throws(CLIError) {
    next = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = Self.loopback(port: port)
    let next = next
    // SAFETY: as in `init`.
    let status = unsafe withUnsafeMutablePointer(to: &address) { address in
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe Foundation.connect(next, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    previous = accept(listener, nil, nil)
    guard status == 0, previous >= 0 else { throw Self.failed("the ring cannot be closed") }
    var one: Int32 = 1
    for descriptor in [next, previous] {
      // SAFETY: the option's value lives on this frame for the call.
      unsafe setsockopt(
        descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }
  }

  /// The sum over all ranks, in place.
  func allReduce(_ values: inout [Float], rank: Int, world: Int) throws(CLIError) {
    let bounds = (0...world).map { values.count * $0 / world }
    func segment(_ index: Int) -> Range<Int> {
      let i = ((index % world) + world) % world
      return bounds[i]..<bounds[i + 1]
    }
    let longest = (0..<world).map { segment($0).count }.max() ?? 0
    if scratch.count < longest { scratch = Array(repeating: 0, count: longest) }
    for step in 0..<world - 1 {
      let (outgoing, incoming) = (segment(rank - step), segment(rank - step - 1))
      // SAFETY: the ranges lie in `values`, and `scratch` is as long as the longest of them.
      let isWhole = unsafe values.withUnsafeMutableBufferPointer { values in
        unsafe scratch.withUnsafeMutableBytes { scratch in
          unsafe exchange(
            UnsafeRawPointer(values.baseAddress! + outgoing.lowerBound), 4 * outgoing.count,
            scratch.baseAddress!, 4 * incoming.count)
        }
      }
      guard isWhole else { throw Self.failed("a rank of the bare ring has gone") }
      var target = values.mutableSpan
      var part = target._mutatingExtracting(incoming)
      Kernels.accumulate(scratch.span.extracting(0..<incoming.count), into: &part)
    }
    for step in 0..<world - 1 {
      let (outgoing, incoming) = (segment(rank - step + 1), segment(rank - step))
      // SAFETY: both ranges lie in `values`, and do not overlap.
      let isWhole = unsafe values.withUnsafeMutableBufferPointer { values in
        unsafe exchange(
          UnsafeRawPointer(values.baseAddress! + outgoing.lowerBound), 4 * outgoing.count,
          UnsafeMutableRawPointer(values.baseAddress! + incoming.lowerBound), 4 * incoming.count)
      }
      guard isWhole else { throw Self.failed("a rank of the bare ring has gone") }
    }
  }

  /// Sends and receives at once, as two threads with blocking sockets would; whether all came.
  private func exchange(
    _ out: UnsafeRawPointer, _ toSend: Int, _ into: UnsafeMutableRawPointer, _ toReceive: Int
  ) -> Bool {
    var (sent, received) = (0, 0)
    let flags = Int32(Self.withoutWaiting)
    while sent < toSend || received < toReceive {
      var moved = false
      if sent < toSend {
        let part = min(toSend - sent, Self.callBytesMax)
        // SAFETY: `part` bytes from here on are the caller's.
        let count = unsafe send(next, out + sent, part, flags | Int32(Self.withoutSignal))
        if count > 0 { (sent, moved) = (sent + count, true) }
      }
      if received < toReceive {
        let part = min(toReceive - received, Self.callBytesMax)
        // SAFETY: as above.
        let count = unsafe recv(previous, into + received, part, flags)
        if count == 0 { return false }
        if count > 0 { (received, moved) = (received + count, true) }
      }
      if moved { continue }
      var waits = [
        pollfd(fd: sent < toSend ? next : -1, events: Int16(POLLOUT), revents: 0),
        pollfd(fd: received < toReceive ? previous : -1, events: Int16(POLLIN), revents: 0),
      ]
      // SAFETY: two entries, as said; they live for the call.
      _ = unsafe poll(&waits, 2, 10_000)
    }
    return true
  }

  private static var withoutWaiting: Int { Int(MSG_DONTWAIT) }
  private static var withoutSignal: Int { Int(MSG_NOSIGNAL) }

  private static func loopback(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }

  private static func failed(_ what: String) -> CLIError {
    CLIError(.benchFailed, what: what, place: "bare ring", remedy: "Run the benchmark again.")
  }
}
