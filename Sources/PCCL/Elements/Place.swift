// SPDX-License-Identifier: Apache-2.0

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

  /// The bytes as a program's floats; the range counts floats.
  func floats(_ range: Range<Int>) -> [Float] {
    check(4 * range.lowerBound..<4 * range.upperBound)
    return unsafe [Float](unsafeUninitializedCapacity: range.count) { target, count in
      if let start = unsafe start, !range.isEmpty {
        // SAFETY: the range was checked, and there is room for that many floats.
        unsafe UnsafeMutableRawBufferPointer(target).copyMemory(
          from: UnsafeRawBufferPointer(start: start + 4 * range.lowerBound, count: 4 * range.count))
      }
      count = range.count
    }
  }

  func write(_ bytes: [UInt8], at offset: Int) {
    check(offset..<offset + bytes.count)
    guard let start = unsafe start else { return }
    // SAFETY: the range was checked.
    unsafe UnsafeMutableRawBufferPointer(start: start + offset, count: bytes.count)
      .copyBytes(from: bytes)
  }

  func write(_ floats: ArraySlice<Float>, at index: Int) {
    check(4 * index..<4 * (index + floats.count))
    guard let start = unsafe start else { return }
    unsafe floats.withUnsafeBytes { source in
      // SAFETY: the range was checked.
      unsafe UnsafeMutableRawBufferPointer(start: start + 4 * index, count: source.count)
        .copyMemory(from: source)
    }
  }

  private func check(_ range: Range<Int>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= byteCount,
      "bytes \(range) of \(byteCount)")
  }
}
