// SPDX-License-Identifier: Apache-2.0

/// A part of a tensor: in each dimension a range, or every so many-th of it.
///
/// ```swift
/// // Every second column of rows 2 to 4, from the last to the first.
/// let slice = try TensorSlice(.f32, of: [10, 8], [2..<5, 0..<8], steps: [1, -2])
/// var columns = slice.gather(matrix.span)   // [3, 4], the last dimension fastest
/// slice.scatter(columns.span, into: &view)
/// ```
public struct TensorSlice: Hashable, Sendable {
  /// What the elements are.
  public let elementType: ElementType
  /// The whole tensor's dimensions.
  public let whole: Shape
  /// The part's dimensions.
  public let shape: Shape
  /// Where the part's bytes lie in the whole, its order being C order.
  public let block: StridedBlock

  /// The part with these ranges, one for each dimension.
  ///
  /// - Parameter steps: one for each dimension, not 0; 1 where nothing is said. With `s` every
  ///   `s`-th of the range from its first, with `-s` every `s`-th from its last down.
  /// - Throws: `.badLayout` when a range goes beyond its dimension, or their number is wrong;
  ///   `.badShape` when no `Int` holds the whole's bytes.
  public init(
    _ elementType: ElementType, of whole: Shape, _ ranges: [Range<Int>], steps: [Int]? = nil
  ) throws(TensorError) {
    func refuse(_ what: String) -> TensorError {
      TensorError(
        .badLayout, what, at: "a slice of \(elementType) \(whole)",
        remedy: "Give each dimension a range within it, and a step that is not 0.")
    }
    let steps = steps ?? Array(repeating: 1, count: ranges.count)
    guard ranges.count == whole.rank, steps.count == whole.rank else {
      throw refuse("\(ranges.count) ranges and \(steps.count) steps")
    }
    let bytesOfWhole = try whole.byteCount(of: elementType)
    var dimensions: [Int] = []
    for (axis, range) in ranges.enumerated() {
      guard range.lowerBound >= 0, range.upperBound <= whole[axis] else {
        throw refuse("the range \(range) in dimension \(axis)")
      }
      guard steps[axis] != 0 else { throw refuse("the step 0 in dimension \(axis)") }
      let step = Int(clamping: steps[axis].magnitude)
      dimensions.append(range.isEmpty ? 0 : (range.count - 1) / step + 1)
    }
    var block = StridedBlock(elementType)
    if dimensions.contains(0) { block = StridedBlock(byteCount: 0) }
    var bytes = elementType.byteWidth
    // Nothing overflows: where no dimension is 0, the whole has at least these bytes, and a step
    // that is taken is shorter than its dimension. One that is not may be any.
    for axis in ranges.indices.reversed() where !block.isEmpty {
      let (range, step) = (ranges[axis], steps[axis])
      block = try block.hvector(
        count: dimensions[axis], blockLength: 1,
        byteStride: dimensions[axis] > 1 ? step * bytes : bytes)
      block = try block.moved(by: (step > 0 ? range.lowerBound : range.upperBound - 1) * bytes)
      bytes *= whole[axis]
    }
    self.elementType = elementType
    self.whole = whole
    shape = try Shape(dimensions)
    self.block = try block.resized(lowerBound: 0, extent: bytesOfWhole)
  }

  /// Copies the part's elements out of the whole's, into `part`.
  public func gather<Element: TensorElement>(
    _ tensor: Span<Element>, into part: inout MutableSpan<Element>
  ) {
    require(tensor.count, part.count, Element.elementType)
    block.pack(tensor.elementBytes, into: &part)
  }

  /// A copy of the part's elements.
  public func gather<Element: TensorElement>(_ tensor: Span<Element>) -> [Element] {
    require(tensor.count, shape.elementCount, Element.elementType)
    var packed = Buffer<UInt8>(repeating: 0, count: block.byteCount)
    var view = packed.mutableSpan
    block.pack(tensor.elementBytes, into: &view)
    return Bytes.values(in: packed.bytes)
  }

  /// Puts the part's elements back into the whole's.
  public func scatter<Element: TensorElement>(
    _ part: Span<Element>, into tensor: inout MutableSpan<Element>
  ) {
    require(tensor.count, part.count, Element.elementType)
    block.unpack(part.elementBytes, into: &tensor)
  }

  private func require(_ tensor: Int, _ part: Int, _ type: ElementType) {
    precondition(type == elementType, "\(type) elements for a slice of \(elementType)")
    precondition(tensor == whole.elementCount, "\(tensor) elements for a tensor of \(whole)")
    precondition(part == shape.elementCount, "\(part) elements for a slice of \(shape)")
  }
}

extension HostTensor {
  /// A copy of a part of it.
  ///
  /// - Throws: as `TensorSlice.init`.
  public func slice(
    _ ranges: [Range<Int>], steps: [Int]? = nil
  ) throws(TensorError) -> HostTensor {
    let slice = try TensorSlice(elementType, of: shape, ranges, steps: steps)
    var packed = Buffer<UInt8>(repeating: 0, count: slice.block.byteCount)
    var view = packed.mutableSpan
    slice.block.pack(bytes, into: &view)
    return try HostTensor(elementType: elementType, shape: slice.shape, copying: packed.bytes)
  }
}
