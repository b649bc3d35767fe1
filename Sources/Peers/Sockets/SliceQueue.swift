// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Bytes on their way to a socket that stay where they lie until it has them: runs of them, in order.
struct SliceQueue {
  private var slices: [ArraySlice<UInt8>] = []
  private var first = 0
  private(set) var count = 0

  /// Runs given to the system in one call.
  private static let runsMax = 16

  var isEmpty: Bool { count == 0 }

  mutating func append(_ run: ArraySlice<UInt8>) {
    guard !run.isEmpty else { return }
    slices.append(run)
    count += run.count
  }

  /// Gives the socket what it will take.
  mutating func drain(to socket: Socket) -> Moved {
    var vectors = unsafe [iovec]()
    unsafe vectors.reserveCapacity(Self.runsMax)
    let runs = slices[first..<min(first + Self.runsMax, slices.count)]
    let moved = unsafe Self.give(runs, &vectors, to: socket)
    if case .bytes(let given) = moved { dropFirst(given) }
    return moved
  }

  /// Borrows one run after the other, then gives them all.
  private static func give(
    _ runs: ArraySlice<ArraySlice<UInt8>>, _ vectors: inout [iovec], to socket: Socket
  ) -> Moved {
    guard let run = runs.first else {
      // SAFETY: every run is borrowed by a caller of this call.
      return unsafe vectors.withUnsafeMutableBufferPointer { unsafe socket.give($0) }
    }
    return unsafe run.withUnsafeBytes { bytes in
      unsafe vectors.append(
        iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count))
      return unsafe give(runs.dropFirst(), &vectors, to: socket)
    }
  }

  private mutating func dropFirst(_ byteCount: Int) {
    var rest = byteCount
    count -= byteCount
    while rest > 0 {
      let part = min(rest, slices[first].count)
      rest -= part
      if part == slices[first].count {
        slices[first] = []
        first += 1
      } else {
        slices[first] = slices[first].dropFirst(part)
      }
    }
    if first == slices.count {
      slices.removeAll(keepingCapacity: true)
      first = 0
    }
  }
}
