// SPDX-License-Identifier: Apache-2.0

import CMLX

/// An array of numbers in the engine's memory, with value semantics.
///
/// Operations build a graph; numbers are computed when they are read or `evaluate` is called.
/// Shapes are checked at once. At most 8 dimensions.
public struct Tensor: Sendable {
  var handle: Handle

  init(_ handle: Handle) { self.handle = handle }

  /// Elements in row-major order; `shape` says how many along each axis.
  public init(_ elements: [Float], shape: [Int]) throws(LearningError) {
    handle = try Self.copy(elements, shape, .f32)
  }

  /// Integers, such as tokens and classes.
  public init(integers elements: [Int32], shape: [Int]) throws(LearningError) {
    handle = try Self.copy(elements, shape, .i32)
  }

  /// A vector.
  public init(_ elements: [Float]) throws(LearningError) {
    try self.init(elements, shape: [elements.count])
  }

  /// A scalar.
  public init(_ value: Float) throws(LearningError) {
    try self.init([value], shape: [])
  }

  /// The same number everywhere.
  public init(repeating value: Float, shape: [Int]) throws(LearningError) {
    let extents = try Self.extents(shape, "repeating")
    handle = try unsafe Handle.make("repeating") {
      unsafe fmlx_full(extents, extents.count, value, $0)
    }
  }

  /// The integers from 0 below `count`.
  public static func indices(_ count: Int) throws(LearningError) -> Tensor {
    Tensor(try unsafe Handle.make("indices") { unsafe fmlx_range(Int32(count), $0) })
  }

  /// Elements along each axis; empty for a scalar.
  public var shape: [Int] { handle.shape }
  /// All elements.
  public var count: Int { handle.count }
  /// The type of the elements.
  public var kind: ElementKind { handle.kind ?? .f32 }

  /// Computes the numbers now.
  public func evaluate() throws(LearningError) { try Tensor.evaluate([self]) }

  /// Computes several tensors in one go.
  public static func evaluate(_ tensors: [Tensor]) throws(LearningError) {
    let status = unsafe Handle.lend(tensors.map(\.handle)) { unsafe fmlx_eval($0, tensors.count) }
    guard status == 0 else { throw Engine.error("evaluate") }
  }

  /// A copy of the elements of an f32 tensor, in row-major order.
  public func floats() throws(LearningError) -> [Float] {
    try require(.f32, "floats")
    return try handle.read(as: Float.self, zero: 0)
  }

  /// A copy of the elements of an i32 tensor, in row-major order.
  public func integers() throws(LearningError) -> [Int32] {
    try require(.i32, "integers")
    return try handle.read(as: Int32.self, zero: 0)
  }

  /// The number in an f32 tensor of one element.
  public func scalar() throws(LearningError) -> Float {
    guard count == 1 else {
      throw LearningError(
        .shapeMismatch, "\(shape) is not one number", place: "scalar",
        remedy: "Reduce it first, or read floats().")
    }
    return try floats()[0]
  }

  func require(_ kind: ElementKind, _ operation: String) throws(LearningError) {
    guard self.kind == kind else {
      throw LearningError(
        .shapeMismatch, "elements are \(self.kind), not \(kind)", place: operation,
        remedy: "Convert it with as(_:).")
    }
  }

  static func extents(_ shape: [Int], _ operation: String) throws(LearningError) -> [Int32] {
    guard shape.count <= FMLX_RANK_MAX,
      shape.allSatisfy({ $0 >= 0 && $0 <= Int(Int32.max) })
    else {
      throw LearningError(
        .shapeMismatch, "\(shape) is no shape", place: operation,
        remedy: "Use at most \(FMLX_RANK_MAX) extents from 0 to \(Int32.max).")
    }
    return shape.map { Int32($0) }
  }

  private static func copy<Element: BitwiseCopyable>(
    _ elements: [Element], _ shape: [Int], _ kind: ElementKind
  ) throws(LearningError) -> Handle {
    let extents = try extents(shape, "tensor")
    guard shape.reduce(1, *) == elements.count else {
      throw LearningError(
        .shapeMismatch, "\(elements.count) elements do not fill \(shape)", place: "tensor",
        remedy: "Give \(shape.reduce(1, *)) elements.")
    }
    // SAFETY: the shim reads as many elements as `shape` has, which is what there are.
    return try unsafe Handle.make("tensor") { result in
      unsafe elements.withUnsafeBytes {
        unsafe fmlx_from_bytes($0.baseAddress, extents, extents.count, kind.rawValue, result)
      }
    }
  }
}
