// SPDX-License-Identifier: Apache-2.0

import FerryCollectives
import FerryTensors

/// Memory of the program that called us, for as long as its call or its operation lasts.
///
/// Every access is checked against the size that the program gave.
@safe
struct Place: @unchecked Sendable {
  // SAFETY: the interface leaves the buffers of an operation to the library until it was awaited, and
  // those of any other call until it returns; the communicator drops its places then. Its one thread
  // reads and writes them; the program may not touch them meanwhile.
  private let start: UnsafeMutableRawPointer?
  let byteCount: Int

  /// - Precondition: `start` is the address of `byteCount` bytes, or there are none.
  init(_ start: UnsafeMutableRawPointer?, byteCount: Int) {
    unsafe self.start = start
    self.byteCount = byteCount
  }

  func bytes(_ range: Range<Int>) -> [UInt8] {
    check(range)
    guard let start = unsafe start, !range.isEmpty else { return [] }
    // SAFETY: the range was checked.
    return unsafe Array(UnsafeRawBufferPointer(start: start + range.lowerBound, count: range.count))
  }

  /// A copy of everything, as values of a type.
  func values(_ type: ElementType) throws -> Values {
    guard let start = unsafe start, byteCount > 0 else { return Values(type) }
    if type == .f32 {
      let count = byteCount / 4
      return unsafe .f32(
        [Float](unsafeUninitializedCapacity: count) { target, made in
          // SAFETY: there is room for that many floats here, and as many bytes there.
          unsafe UnsafeMutableRawBufferPointer(target).copyMemory(
            from: UnsafeRawBufferPointer(start: start, count: 4 * count))
          made = count
        })
    }
    // SAFETY: `byteCount` bytes are there through this call.
    let bytes = unsafe RawSpan(_unsafeStart: UnsafeRawPointer(start), byteCount: byteCount)
    return try Values(type, count: byteCount / type.byteWidth, bytes: bytes)
  }

  /// Writes values over everything; as many bytes as there are here.
  func write(_ values: Values) {
    precondition(values.byteCount == byteCount, "\(values.byteCount) bytes into \(byteCount)")
    guard case .f32(let floats) = values else { return write(values.bytes) }
    guard let start = unsafe start else { return }
    unsafe floats.withUnsafeBytes { source in
      // SAFETY: the sizes are equal.
      unsafe UnsafeMutableRawBufferPointer(start: start, count: byteCount).copyMemory(from: source)
    }
  }

  private func write(_ bytes: [UInt8]) {
    guard let start = unsafe start else { return }
    // SAFETY: the sizes are equal, as `write(_:)` checks.
    unsafe UnsafeMutableRawBufferPointer(start: start, count: byteCount).copyBytes(from: bytes)
  }

  private func check(_ range: Range<Int>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= byteCount,
      "bytes \(range) of \(byteCount)")
  }
}
