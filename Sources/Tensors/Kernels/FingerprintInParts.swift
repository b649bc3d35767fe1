// SPDX-License-Identifier: Apache-2.0

package import FerryBasics

/// The sums of a vector's bytes by `Fingerprint`, taken in part by part as they become final, while a
/// core's cache still holds them: less than half of the time that they take from memory afterwards.
package struct FingerprintInParts: Sendable {
  private let fingerprint: Fingerprint
  private let byteCount: Int
  private var sums: [UInt64]
  /// By block.
  private var isTaken: [Bool]

  /// Of so many bytes, of which nothing is there yet.
  package init(seed: Seed, byteCount: Int) {
    precondition(byteCount >= 0, "\(byteCount) bytes")
    fingerprint = Fingerprint(seed: seed)
    self.byteCount = byteCount
    let blocks = (byteCount + Fingerprint.blockByteCount - 1) / Fingerprint.blockByteCount
    isTaken = Array(repeating: false, count: blocks)
    sums = Array(repeating: 0, count: blocks * Fingerprint.sumsABlock)
  }

  /// Takes in bytes that lie so far from the first, and do not change any more. What they hold of a
  /// block in part is left for the end.
  package mutating func take(_ bytes: RawSpan, at start: Int) {
    let end = start + bytes.byteCount
    precondition(start >= 0 && end <= byteCount, "bytes \(start)..<\(end) of \(byteCount)")
    let block = Fingerprint.blockByteCount
    let first = (start + block - 1) / block
    let last = end == byteCount ? isTaken.count : end / block
    guard first < last else { return }
    put(
      bytes.extracting(first * block - start..<min(last * block, end) - start), first..<last)
  }

  /// The sums of all the bytes, of which those not taken in are read now.
  package consuming func finish(_ all: RawSpan) -> [UInt64] {
    precondition(all.byteCount == byteCount, "\(all.byteCount) bytes of \(byteCount)")
    let block = Fingerprint.blockByteCount
    var first = 0
    while let start = isTaken[first...].firstIndex(of: false) {
      let end = isTaken[start...].firstIndex(of: true) ?? isTaken.count
      put(all.extracting(start * block..<min(end * block, byteCount)), start..<end)
      first = end
    }
    return sums
  }

  private mutating func put(_ bytes: RawSpan, _ blocks: Range<Int>) {
    let width = Fingerprint.sumsABlock
    sums.replaceSubrange(
      blocks.lowerBound * width..<blocks.upperBound * width, with: fingerprint.sums(of: bytes))
    for block in blocks { isTaken[block] = true }
  }
}
