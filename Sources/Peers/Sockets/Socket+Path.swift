// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What the system has measured on a connection.
package struct PathReport: Sendable, Equatable {
  /// The shortest round trip seen.
  package let roundTripMin: Duration
  /// Round trips now, smoothed.
  package let roundTrip: Duration
  package let segmentsSent: Int
  /// Those sent again, because they were lost or thought so.
  package let segmentsResent: Int
  /// Bytes in segments that have arrived, as the other side's system said; 0 where it is not told.
  package let bytesArrived: Int
}

extension Socket {
  /// What the system knows of the path; nil where it does not say.
  package var path: PathReport? {
    #if canImport(Darwin)
      return nil
    #else
      var bytes = [UInt8](repeating: 0, count: 256)
      var size = socklen_t(bytes.count)
      // SAFETY: the kernel writes at most `size` bytes, which the array has.
      let status = unsafe getsockopt(descriptor, tcpLevel, TCP_INFO, &bytes, &size)
      // Linux's struct tcp_info, as far as the smallest round trip and the counts.
      let (segmentAt, roundTripAt, resentAt, sentAt, roundTripMinAt) = (16, 68, 100, 136, 148)
      // Segments, with those that came out of order. The count of bytes acknowledged is exact, but
      // stands still at each lost one and then leaps: in quarters of a second, of eight connections
      // that filled a line of 25 MB/s with losses, 10 to 37 MB/s where segments say 24.0 to 24.2.
      let arrivedAt = 192
      guard status == 0, size >= 152 else { return nil }
      // In the order of the bytes of all machines that Linux and Swift share.
      func number(_ at: Int) -> Int {
        let value = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << (8 * UInt32($1)) }
        return Int(value)
      }
      let shortest = number(roundTripMinAt)
      // Without a sample the kernel says all ones.
      let microseconds = shortest == 0xFFFF_FFFF ? number(roundTripAt) : shortest
      return PathReport(
        roundTripMin: .microseconds(microseconds),
        roundTrip: .microseconds(number(roundTripAt)), segmentsSent: number(sentAt),
        segmentsResent: number(resentAt),
        bytesArrived: size >= 196 ? number(arrivedAt) * number(segmentAt) : 0)
    #endif
  }

  /// Asks for a congestion control by name; where it is not to be had, all stays as it was.
  package func useCongestionControl(_ name: String) {
    #if !canImport(Darwin)
      let text = Array(name.utf8)
      // SAFETY: the name is given with its own length.
      _ = unsafe setsockopt(descriptor, tcpLevel, TCP_CONGESTION, text, socklen_t(text.count))
    #endif
  }

  /// The name of the congestion control in use; nil where the system does not say.
  package var congestionControl: String? {
    #if canImport(Darwin)
      return nil
    #else
      var name = [UInt8](repeating: 0, count: 16)
      var size = socklen_t(name.count)
      // SAFETY: at most `size` bytes are written, and how many is told.
      guard unsafe getsockopt(descriptor, tcpLevel, TCP_CONGESTION, &name, &size) == 0 else {
        return nil
      }
      return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    #endif
  }

  /// Lets the kernel's buffers begin with so many bytes, as far as the system allows; the kernel's own
  /// tuning goes on from there. Where it would end, nothing is changed.
  package func beginBuffers(_ byteCount: Int) {
    #if os(Linux)
      // SO_BUF_LOCK, of Linux 5.14: without it a buffer that was set once is never tuned again.
      let lock = Int32(72)
      guard set(SOL_SOCKET, lock, 0) else { return }
      fixBuffers(byteCount)
      set(SOL_SOCKET, lock, 0)
    #endif
  }

  /// Counts as readable only once so many bytes are there, or the other side has ended.
  func wakeOnly(for byteCount: Int) {
    #if os(Linux)
      set(SOL_SOCKET, SO_RCVLOWAT, Int32(clamping: byteCount))
    #endif
  }

  /// Sends no faster than so many bytes a second; nil for as fast as the path allows.
  func limitSpeed(_ bytesPerSecond: Double?) {
    #if os(Linux)
      // All ones mean no limit.
      set(SOL_SOCKET, SO_MAX_PACING_RATE, bytesPerSecond.map { Int32(min($0, 2e9)) } ?? -1)
    #endif
  }

  /// Keeps what waits unsent in the kernel short: what is not given to it yet can still go another
  /// way, or let something urgent pass.
  func limitUnsent(_ byteCount: Int) {
    set(tcpLevel, TCP_NOTSENT_LOWAT, Int32(clamping: byteCount))
  }
}
