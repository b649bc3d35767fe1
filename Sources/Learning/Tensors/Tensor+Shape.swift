// SPDX-License-Identifier: Apache-2.0

import CMLX

extension Tensor {
  /// The same elements in another shape; one extent may be -1 and follows from the others.
  public func reshaped(_ shape: [Int]) throws(LearningError) -> Tensor {
    var wanted = shape
    let rest = shape.filter { $0 != -1 }.reduce(1, *)
    if let free = shape.firstIndex(of: -1), rest > 0 { wanted[free] = count / rest }
    guard !wanted.contains(where: { $0 < 0 }), wanted.reduce(1, *) == count else {
      throw .shapes(
        "reshape", self.shape, shape, remedy: "Both must have the same number of elements.")
    }
    let extents = try Self.extents(wanted, "reshape")
    return Tensor(
      // SAFETY: the handles live through the call, and the shim is told how many there are.
      try unsafe Handle.make("reshape") { result in
        unsafe handle.lend { unsafe fmlx_reshape($0, extents, extents.count, result) }
      })
  }

  /// The axes in another order; reversed where none is given.
  public func transposed(_ axes: [Int] = []) throws(LearningError) -> Tensor {
    guard axes.isEmpty || axes.sorted() == Array(0..<shape.count) else {
      throw .shapes("transpose", shape, axes, remedy: "Name each axis from 0 once.")
    }
    let order = axes.map { Int32($0) }
    return Tensor(
      try unsafe Handle.make("transpose") { result in
        unsafe handle.lend { unsafe fmlx_transpose($0, order, order.count, result) }
      })
  }

  /// A run of places along one axis; a negative axis counts from the end.
  public func slice(axis: Int, _ range: Range<Int>) throws(LearningError) -> Tensor {
    let axis = try index(axis, "slice")
    guard range.lowerBound >= 0, range.upperBound <= shape[axis] else {
      throw LearningError(
        .shapeMismatch, "\(range) is not within axis \(axis) of \(shape)", place: "slice",
        remedy: "Use a range within 0 ..< \(shape[axis]).")
    }
    return Tensor(
      try unsafe Handle.make("slice") { result in
        unsafe handle.lend {
          unsafe fmlx_slice(
            $0, Int32(axis), Int32(range.lowerBound), Int32(range.upperBound), result)
        }
      })
  }

  /// One after the other along an axis; all other extents must be equal.
  public static func concatenated(
    _ tensors: [Tensor], axis: Int = 0
  ) throws(LearningError) -> Tensor {
    guard let first = tensors.first else {
      throw LearningError(
        .shapeMismatch, "there is nothing to put together", place: "concatenate",
        remedy: "Give at least one tensor.")
    }
    let axis = try first.index(axis, "concatenate")
    for other in tensors {
      var (a, b) = (first.shape, other.shape)
      if a.count == b.count {
        a[axis] = 0
        b[axis] = 0
      }
      guard a == b else {
        throw .shapes(
          "concatenate", first.shape, other.shape,
          remedy: "All extents but axis \(axis) must be equal.")
      }
    }
    return Tensor(
      try unsafe Handle.make("concatenate") { result in
        unsafe Handle.lend(tensors.map(\.handle)) {
          unsafe fmlx_concatenate($0, tensors.count, Int32(axis), result)
        }
      })
  }

  /// The sum over the axes given, or over all.
  public func sum(_ axes: [Int] = [], keepingAxes: Bool = false) throws(LearningError) -> Tensor {
    try reduced(FMLX_SUM, "sum", axes, keepingAxes)
  }
  /// The mean over the axes given, or over all.
  public func mean(_ axes: [Int] = [], keepingAxes: Bool = false) throws(LearningError) -> Tensor {
    try reduced(FMLX_MEAN, "mean", axes, keepingAxes)
  }
  /// The largest element over the axes given, or of all.
  public func max(_ axes: [Int] = [], keepingAxes: Bool = false) throws(LearningError) -> Tensor {
    try reduced(FMLX_MAX, "max", axes, keepingAxes)
  }
  /// The logarithm of the sum of exponentials over the axes given, or over all.
  public func logSumExp(
    _ axes: [Int] = [], keepingAxes: Bool = false
  ) throws(LearningError) -> Tensor {
    try reduced(FMLX_LOGSUMEXP, "logSumExp", axes, keepingAxes)
  }

  /// The elements in another type.
  public func `as`(_ kind: ElementKind) throws(LearningError) -> Tensor {
    Tensor(
      try unsafe Handle.make("as") { result in
        unsafe handle.lend { unsafe fmlx_cast($0, kind.rawValue, result) }
      })
  }

  func index(_ axis: Int, _ operation: String) throws(LearningError) -> Int {
    let rank = shape.count
    guard (-rank..<rank).contains(axis) else {
      throw LearningError(
        .shapeMismatch, "\(shape) has no axis \(axis)", place: operation,
        remedy: "Use an axis from \(-rank) to \(rank - 1).")
    }
    return axis < 0 ? axis + rank : axis
  }

  private func reduced(
    _ operation: Int, _ name: String, _ axes: [Int], _ keep: Bool
  ) throws(LearningError) -> Tensor {
    var numbers: [Int32] = []
    for axis in axes { numbers.append(Int32(try index(axis, name))) }
    return Tensor(
      try unsafe Handle.make(name) { result in
        unsafe handle.lend {
          unsafe fmlx_reduce(Int32(operation), $0, numbers, numbers.count, keep, result)
        }
      })
  }
}
