// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Waits for the first of many sockets (`poll`).
///
/// Linear in the number of sockets, which is a few hundred at most and mostly a handful; the same
/// code on every system was worth more than `epoll`'s constant.
package struct Readiness {
  private var entries: [pollfd] = []

  package init() {}

  package mutating func removeAll() { entries.removeAll(keepingCapacity: true) }

  /// Watches a socket; its place is the number of sockets added before it.
  package mutating func add(_ descriptor: Int32, reads: Bool = true, writes: Bool) {
    entries.append(
      pollfd(
        fd: descriptor, events: Int16((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)), revents: 0))
  }

  /// Waits until a socket is ready or the time is over; rounds up to milliseconds.
  package mutating func wait(_ timeout: Duration) {
    let whole = timeout.components
    let milliseconds =
      whole.seconds > 3600
      ? 3_600_000
      : Int(whole.seconds) * 1000
        + Int((whole.attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    // SAFETY: the entries are given with their own count.
    let count = unsafe poll(&entries, nfds_t(entries.count), Int32(max(0, milliseconds)))
    if count <= 0 { for i in entries.indices { entries[i].revents = 0 } }
  }

  /// Whether reading from the socket at `place` gives something: bytes, its end or its error.
  package func isReadable(_ place: Int) -> Bool {
    Int32(entries[place].revents) & (POLLIN | POLLHUP | POLLERR | POLLNVAL) != 0
  }

  package func isWritable(_ place: Int) -> Bool {
    Int32(entries[place].revents) & (POLLOUT | POLLHUP | POLLERR | POLLNVAL) != 0
  }
}

/// Wakes a thread that waits in `Readiness`: a pipe to itself.
final class Wakeup: Sendable {
  let readEnd: Int32
  private let writeEnd: Int32

  init?() {
    var ends: [Int32] = [-1, -1]
    // SAFETY: pipe writes two descriptors, which the array has.
    guard unsafe pipe(&ends) == 0 else { return nil }
    for end in ends {
      _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK)
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
    }
    (readEnd, writeEnd) = (ends[0], ends[1])
  }

  deinit {
    close(readEnd)
    close(writeEnd)
  }

  /// From any thread; a full pipe is as good as one more byte.
  func wake() {
    var byte: UInt8 = 1
    // SAFETY: one byte, given with its count.
    _ = unsafe write(writeEnd, &byte, 1)
  }

  func clear() {
    var bytes = [UInt8](repeating: 0, count: 64)
    // SAFETY: the array is given with its count.
    while unsafe read(readEnd, &bytes, bytes.count) == bytes.count {}
  }
}
