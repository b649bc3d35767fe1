// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation

/// What a ring all-reduce costs without ferry: bare TCP sockets, floats added, nothing else.
///
/// Each rank sends to the next and receives from the one before at the same time; segments as in
/// the textbook, no frames, no checks, no encryption. With several connections, each carries its
/// part of every segment. For comparison only.
@safe
final class BareRing {
  /// A run of bytes on its way over one connection.
  private struct Part {
    let descriptor: Int32
    var start: Int
    let end: Int
  }

  private let host: String
  private let connections: Int
  private let listener: Int32
  private var next: [Int32] = []
  private var previous: [Int32] = []
  private var scratch: [Float] = []
  /// Where this rank accepts the one before it.
  let port: UInt16

  /// The most bytes given to one call of the system.
  private static let callBytesMax = 1 << 20
  static let connectionsMax = 64

  /// - Parameters:
  ///   - host: this rank's IPv4 address.
  ///   - connections: from each rank to the next.
  init(host: String, connections: Int) throws(CLIError) {
    self.host = host
    self.connections = connections
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = try Self.address(host, port: 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let (listener, backlog) = (listener, Int32(connections + 4))
    // SAFETY: the address lives on this frame for each call, with its true length.
    let isOpen = unsafe withUnsafeMutablePointer(to: &address) { address in
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
        unsafe bind(listener, raw, length) == 0 && listen(listener, backlog) == 0
          && getsockname(listener, raw, &length) == 0
      }
    }
    guard isOpen else { throw Self.failed("no port of \(host) is free") }
    port = UInt16(bigEndian: address.sin_port)
  }

  deinit {
    for descriptor in [listener] + next + previous where descriptor >= 0 { close(descriptor) }
  }

  /// Closes the ring: connects to the next rank, and accepts the one before.
  func connect(to host: String, _ port: UInt16) throws(CLIError) {
    for _ in 0..<connections {
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      next.append(descriptor)
      var address = try Self.address(host, port: port)
      // SAFETY: as in `init`.
      let status = unsafe withUnsafeMutablePointer(to: &address) { address in
        unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      guard status == 0 else { throw Self.failed("the ring cannot be closed") }
      // Its place among them: callers may be taken in another order.
      var place = UInt8(next.count - 1)
      // SAFETY: one byte, given with its count.
      guard unsafe send(descriptor, &place, 1, 0) == 1 else {
        throw Self.failed("the ring cannot be closed")
      }
    }
    previous = Array(repeating: -1, count: connections)
    for _ in 0..<connections {
      let descriptor = accept(listener, nil, nil)
      var place: UInt8 = 0
      // SAFETY: one byte, given with its count.
      guard descriptor >= 0, unsafe recv(descriptor, &place, 1, 0) == 1,
        previous.indices.contains(Int(place))
      else { throw Self.failed("the ring cannot be closed") }
      previous[Int(place)] = descriptor
    }
    var one: Int32 = 1
    for descriptor in next + previous {
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

  private func parts(_ byteCount: Int, over descriptors: [Int32]) -> [Part] {
    descriptors.enumerated().map { i, descriptor in
      Part(
        descriptor: descriptor, start: byteCount * i / descriptors.count,
        end: byteCount * (i + 1) / descriptors.count)
    }.filter { $0.start < $0.end }
  }

  /// Sends and receives at once, as two threads with blocking sockets would; whether all came.
  private func exchange(
    _ out: UnsafeRawPointer, _ toSend: Int, _ into: UnsafeMutableRawPointer, _ toReceive: Int
  ) -> Bool {
    var (sending, receiving) = (parts(toSend, over: next), parts(toReceive, over: previous))
    let flags = Int32(Self.withoutWaiting)
    while !sending.isEmpty || !receiving.isEmpty {
      var moved = false
      for i in sending.indices {
        let count = min(sending[i].end - sending[i].start, Self.callBytesMax)
        // SAFETY: `count` bytes from here on are the caller's.
        let sent = unsafe send(
          sending[i].descriptor, out + sending[i].start, count,
          flags | Int32(Self.withoutSignal))
        if sent > 0 { (sending[i].start, moved) = (sending[i].start + sent, true) }
      }
      for i in receiving.indices {
        let count = min(receiving[i].end - receiving[i].start, Self.callBytesMax)
        // SAFETY: as above.
        let received = unsafe recv(
          receiving[i].descriptor, into + receiving[i].start, count, flags)
        if received == 0 { return false }
        if received > 0 { (receiving[i].start, moved) = (receiving[i].start + received, true) }
      }
      if moved {
        sending.removeAll { $0.start == $0.end }
        receiving.removeAll { $0.start == $0.end }
        continue
      }
      var waits =
        sending.map { pollfd(fd: $0.descriptor, events: Int16(POLLOUT), revents: 0) }
        + receiving.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
      // SAFETY: as many entries as said; they live for the call.
      _ = unsafe poll(&waits, nfds_t(waits.count), 10_000)
    }
    return true
  }

  private static var withoutWaiting: Int { Int(MSG_DONTWAIT) }
  private static var withoutSignal: Int { Int(MSG_NOSIGNAL) }

  private static func address(_ host: String, port: UInt16) throws(CLIError) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    // SAFETY: the text ends with a zero and outlives the call.
    guard unsafe inet_pton(AF_INET, host, &address.sin_addr) == 1 else {
      throw failed("\"\(host)\" is no IPv4 address")
    }
    return address
  }

  private static func failed(_ what: String) -> CLIError {
    CLIError(.benchFailed, what: what, place: "bare ring", remedy: "Run the benchmark again.")
  }
}
