// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Bytes that lie apart: a block of bytes, repeated at a stride, that repeated at another, and so on.
///
/// A layout is built from the inside out, as MPI's datatypes are, and means a sequence of bytes in
/// memory, in the order in which they are packed:
///
/// ```swift
/// // Two columns of a matrix of 10 rows and 8 columns of floats.
/// let columns = try StridedBlock(.f32).vector(count: 10, blockLength: 2, stride: 8)
/// ```
///
/// It is always held in one form, which two layouts share exactly if they mean the same sequence of
/// bytes: every level repeats at least twice, and no level goes on where the one below it ends. So
/// `==` says whether two layouts mean the same, however they were nested. A level whose stride is
/// smaller than that of the level below it stays where it is: to exchange them, as loops over a
/// transposed matrix may be, would pack the same bytes in another order (`sortedByStride()`).
///
/// - Note: Pearson, Wu, Chung, Xiong and Hwu 2021 (TEMPI), §3, without its exchange of levels.
public struct StridedBlock: Hashable, Sendable {
  /// The most levels a layout can have, the block of bytes among them.
  public static let levelsMax = Int(FERRY_STRIDED_LEVELS_MAX)

  /// Where the first byte lies, counted from the layout's origin; may be negative.
  public private(set) var start: Int
  /// How often each level repeats what is below it, innermost first: `counts[0]` bytes lie side by
  /// side. All are at least 1 and, but for the first, at least 2; an empty layout has `[0]`.
  public private(set) var counts: [Int]
  /// Bytes between the repetitions of each level; `strides[0]` is 1, others may be negative or 0.
  public private(set) var strides: [Int]
  /// Where the layout begins when it is repeated or put into another.
  public private(set) var lowerBound: Int
  /// Bytes from one repetition to the next: with padding where there is any.
  public private(set) var extent: Int
  /// How many bytes it means: what it takes when packed.
  public private(set) var byteCount: Int
  /// Where those bytes lie, from the first in memory to after the last.
  public private(set) var footprint: Range<Int>

  /// `byteCount ≥ 0` bytes side by side.
  public init(byteCount: Int) {
    precondition(byteCount >= 0, "a block cannot have \(byteCount) bytes")
    start = 0
    counts = [byteCount]
    strides = [1]
    lowerBound = 0
    extent = byteCount
    self.byteCount = byteCount
    footprint = 0..<byteCount
  }

  /// One element.
  public init(_ elementType: ElementType) { self.init(byteCount: elementType.byteWidth) }

  /// Where the layout ends when it is repeated or put into another.
  public var upperBound: Int { lowerBound + extent }
  /// Whether it means no bytes at all.
  public var isEmpty: Bool { byteCount == 0 }
  /// Whether its bytes lie side by side, in order.
  public var isContiguous: Bool { counts.count == 1 }
  /// Whether packed bytes, put one after the other `extent` apart, are the memory itself.
  public var isDense: Bool { isContiguous && extent == byteCount && start == lowerBound }

  /// Whether no byte is meant twice, as far as the strides show: each level goes at least as far as
  /// all below it reach. Where it is false bytes may still be apart.
  public var isPlainlyApart: Bool {
    var reach = byteCount == 0 ? 0 : counts[0]
    for (count, stride) in zip(counts, strides).dropFirst().sorted(by: {
      $0.1.magnitude < $1.1.magnitude
    }) {
      if stride.magnitude < reach { return false }
      reach += (count - 1) * Int(stride.magnitude)
    }
    return true
  }

  /// The same bytes in the order of falling strides: what remains when levels are exchanged like
  /// nested loops.
  ///
  /// Packs in another order, so both ends of a link must use it, or neither. Layouts that are plainly
  /// apart and differ only in the order of their levels become equal.
  public func sortedByStride() -> StridedBlock {
    var sorted = self
    let levels = zip(counts, strides).dropFirst().sorted { a, b in
      (a.1.magnitude, a.1, a.0) < (b.1.magnitude, b.1, b.0)
    }
    (sorted.counts, sorted.strides) = ([counts[0]], [1])
    for (count, stride) in levels { sorted.put(count, stride) }
    return sorted
  }

  /// Puts a level on top, in the one form; `byteCount` and the bounds are the caller's.
  private mutating func put(_ count: Int, _ stride: Int) {
    // A level that happens once adds nothing.
    guard count != 1 else { return }
    let top = counts.count - 1
    // It goes on where the one below ends: one level, or one block of bytes. No overflow: the
    // caller has found all the bytes to lie within an Int.
    let (end, overflow) = strides[top].multipliedReportingOverflow(by: counts[top])
    if stride == end, !overflow {
      counts[top] *= count
    } else {
      counts.append(count)
      strides.append(stride)
    }
  }
}

/// How layouts are nested. All throw `.badLayout` for negative counts, for numbers that no `Int`
/// holds, and for more than `levelsMax` levels.
extension StridedBlock {
  /// `count ≥ 0` of this layout, one `extent` after the other.
  public func contiguous(_ count: Int) throws(TensorError) -> StridedBlock {
    try hvector(count: count, blockLength: 1, byteStride: extent)
  }

  /// `count ≥ 0` blocks of `blockLength ≥ 0` of this layout each, the blocks `stride` times its
  /// `extent` apart; a negative stride goes down from the first.
  public func vector(
    count: Int, blockLength: Int, stride: Int
  ) throws(TensorError) -> StridedBlock {
    let (bytes, overflow) = stride.multipliedReportingOverflow(by: extent)
    guard !overflow else { throw tooLarge("a stride of \(stride) times \(extent) bytes") }
    return try hvector(count: count, blockLength: blockLength, byteStride: bytes)
  }

  /// As `vector`, with the stride in bytes.
  public func hvector(
    count: Int, blockLength: Int, byteStride: Int
  ) throws(TensorError) -> StridedBlock {
    guard count >= 0, blockLength >= 0 else {
      throw refused("\(count) blocks of \(blockLength)", remedy: "Counts are 0 or more.")
    }
    // No copies at all, and so no distance between them.
    guard count > 0, blockLength > 0 else { return StridedBlock(byteCount: 0) }
    return try repeated(blockLength, extent).repeated(count, byteStride)
  }

  /// The part of an array of this layout, in C order (the last dimension fastest), that begins at
  /// `starts` and has `subsizes` of its `sizes`; origin and extent are the whole array's.
  public func subarray(
    sizes: [Int], subsizes: [Int], starts: [Int]
  ) throws(TensorError) -> StridedBlock {
    guard sizes.count == subsizes.count, sizes.count == starts.count, !sizes.isEmpty else {
      throw refused(
        "\(sizes.count) sizes, \(subsizes.count) subsizes and \(starts.count) starts",
        remedy: "Give one of each for every dimension.")
    }
    var part = self
    var whole = extent
    for axis in sizes.indices.reversed() {
      let (size, subsize, first) = (sizes[axis], subsizes[axis], starts[axis])
      guard size >= 0, subsize >= 0, first >= 0, subsize <= size, first <= size - subsize else {
        throw refused(
          "\(subsize) from \(first) in dimension \(axis) of \(size)",
          remedy: "The part must lie within the array.")
      }
      part = try part.repeated(subsize, whole)
      let (shift, overflow) = first.multipliedReportingOverflow(by: whole)
      guard !overflow else { throw tooLarge("a start of \(first) times \(whole) bytes") }
      part = try part.moved(by: shift)
      let (next, isTooLarge) = whole.multipliedReportingOverflow(by: size)
      guard !isTooLarge else { throw tooLarge("\(size) times \(whole) bytes") }
      whole = next
    }
    return try part.resized(lowerBound: 0, extent: whole)
  }

  /// The same bytes, with other bounds for repeating and nesting: padding, or overlap.
  public func resized(lowerBound: Int, extent: Int) throws(TensorError) -> StridedBlock {
    guard !lowerBound.addingReportingOverflow(extent).overflow else {
      throw tooLarge("\(extent) bytes from \(lowerBound)")
    }
    var block = self
    (block.lowerBound, block.extent) = (lowerBound, extent)
    return block
  }

  /// The same layout, `bytes` further up.
  public func moved(by bytes: Int) throws(TensorError) -> StridedBlock {
    var block = self
    var overflow = false
    func add(_ a: Int) -> Int {
      let (sum, tooFar) = a.addingReportingOverflow(bytes)
      overflow = overflow || tooFar
      return sum
    }
    block.lowerBound = add(lowerBound)
    _ = add(upperBound)
    if !isEmpty {
      block.start = add(start)
      let (lower, upper) = (add(footprint.lowerBound), add(footprint.upperBound))
      guard !overflow else { throw tooLarge("\(bytes) bytes further up") }
      block.footprint = lower..<upper
    }
    guard !overflow else { throw tooLarge("\(bytes) bytes further up") }
    return block
  }

  /// `count` of this layout, `stride` bytes apart.
  private func repeated(_ count: Int, _ stride: Int) throws(TensorError) -> StridedBlock {
    guard count > 0 else { return StridedBlock(byteCount: 0) }
    guard count > 1 else { return self }
    let (distance, isFar) = stride.multipliedReportingOverflow(by: count - 1)
    let (bytes, isLong) = byteCount.multipliedReportingOverflow(by: count)
    guard !isFar, !isLong else { throw tooLarge("\(count) times \(stride) bytes") }
    // The last repetition is further up or further down than the first.
    let last = try moved(by: distance)
    var block = self
    block.byteCount = bytes
    block.lowerBound = min(lowerBound, last.lowerBound)
    let (extent, isWide) = max(upperBound, last.upperBound)
      .subtractingReportingOverflow(block.lowerBound)
    guard !isWide else { throw tooLarge("\(count) times \(stride) bytes") }
    block.extent = extent
    guard !isEmpty else { return block }
    let lowest = min(footprint.lowerBound, last.footprint.lowerBound)
    let end = max(footprint.upperBound, last.footprint.upperBound)
    guard !end.subtractingReportingOverflow(lowest).overflow else {
      throw tooLarge("\(count) times \(stride) bytes")
    }
    block.footprint = lowest..<end
    block.put(count, stride)
    guard block.counts.count <= Self.levelsMax else {
      throw refused(
        "more than \(Self.levelsMax) levels", remedy: "Nest fewer layouts whose strides differ.")
    }
    return block
  }

  private func tooLarge(_ what: String) -> TensorError {
    refused(what + ", more than an Int can count", remedy: "Use smaller counts and strides.")
  }

  private func refused(_ what: String, remedy: String) -> TensorError {
    TensorError(.badLayout, what, at: "a strided layout of \(byteCount) bytes", remedy: remedy)
  }
}
