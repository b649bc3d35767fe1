// SPDX-License-Identifier: Apache-2.0

import CMLX

extension Tensor {
  /// Elementwise; shapes broadcast as in NumPy. Throws `.shapeMismatch` where they do not.
  public static func + (a: Tensor, b: Tensor) throws(LearningError) -> Tensor {
    try a.elementwise(FMLX_ADD, "+", b)
  }
  /// Elementwise difference.
  public static func - (a: Tensor, b: Tensor) throws(LearningError) -> Tensor {
    try a.elementwise(FMLX_SUBTRACT, "-", b)
  }
  /// Elementwise product.
  public static func * (a: Tensor, b: Tensor) throws(LearningError) -> Tensor {
    try a.elementwise(FMLX_MULTIPLY, "*", b)
  }
  /// Elementwise quotient.
  public static func / (a: Tensor, b: Tensor) throws(LearningError) -> Tensor {
    try a.elementwise(FMLX_DIVIDE, "/", b)
  }
  /// Adds a number to each element.
  public static func + (a: Tensor, b: Float) throws(LearningError) -> Tensor {
    try a.withNumber(FMLX_ADD, "+", b)
  }
  /// Subtracts a number from each element.
  public static func - (a: Tensor, b: Float) throws(LearningError) -> Tensor {
    try a.withNumber(FMLX_SUBTRACT, "-", b)
  }
  /// Multiplies each element by a number.
  public static func * (a: Tensor, b: Float) throws(LearningError) -> Tensor {
    try a.withNumber(FMLX_MULTIPLY, "*", b)
  }
  /// Divides each element by a number.
  public static func / (a: Tensor, b: Float) throws(LearningError) -> Tensor {
    try a.withNumber(FMLX_DIVIDE, "/", b)
  }
  /// The negative of each element.
  public static prefix func - (a: Tensor) throws(LearningError) -> Tensor {
    try a.map(FMLX_NEGATE, "negate")
  }

  /// The larger of each pair of elements.
  public func maximum(_ other: Tensor) throws(LearningError) -> Tensor {
    try elementwise(FMLX_MAXIMUM, "maximum", other)
  }
  /// The smaller of each pair of elements.
  public func minimum(_ other: Tensor) throws(LearningError) -> Tensor {
    try elementwise(FMLX_MINIMUM, "minimum", other)
  }
  /// Each element, but at least `low`.
  public func maximum(_ low: Float) throws(LearningError) -> Tensor {
    try withNumber(FMLX_MAXIMUM, "maximum", low)
  }
  /// Where elements of this are above those of the other; bool.
  public func isGreater(than other: Tensor) throws(LearningError) -> Tensor {
    try elementwise(FMLX_GREATER, "isGreater", other)
  }
  /// Where elements are equal; bool.
  public func isEqual(to other: Tensor) throws(LearningError) -> Tensor {
    try elementwise(FMLX_EQUAL, "isEqual", other)
  }

  /// The matrix product of the last two axes; axes before them broadcast.
  public func matmul(_ other: Tensor) throws(LearningError) -> Tensor {
    let (a, b) = (shape, other.shape)
    guard a.count >= 2, b.count >= 2, a[a.count - 1] == b[b.count - 2],
      Self.broadcasts(Array(a.dropLast(2)), Array(b.dropLast(2)))
    else {
      throw .shapes(
        "matmul", a, b, remedy: "The last extent on the left must be the last but one on the right."
      )
    }
    return try binary(FMLX_MATMUL, "matmul", other)
  }

  /// e to each element.
  public func exp() throws(LearningError) -> Tensor { try map(FMLX_EXP, "exp") }
  /// The natural logarithm of each element.
  public func log() throws(LearningError) -> Tensor { try map(FMLX_LOG, "log") }
  /// The hyperbolic tangent of each element.
  public func tanh() throws(LearningError) -> Tensor { try map(FMLX_TANH, "tanh") }
  /// The square root of each element.
  public func squareRoot() throws(LearningError) -> Tensor { try map(FMLX_SQRT, "sqrt") }
  /// One over the square root of each element.
  public func inverseSquareRoot() throws(LearningError) -> Tensor {
    try map(FMLX_RSQRT, "rsqrt")
  }
  /// The magnitude of each element.
  public func magnitude() throws(LearningError) -> Tensor { try map(FMLX_ABS, "abs") }
  /// The square of each element.
  public func square() throws(LearningError) -> Tensor { try map(FMLX_SQUARE, "square") }
  /// The logistic function of each element.
  public func sigmoid() throws(LearningError) -> Tensor { try map(FMLX_SIGMOID, "sigmoid") }
  /// The same numbers; no gradient flows back through them.
  public func withoutGradient() throws(LearningError) -> Tensor {
    try map(FMLX_STOP_GRADIENT, "withoutGradient")
  }
  /// Where this bool tensor is true the elements of `a`, else those of `b`.
  public func choose(_ a: Tensor, _ b: Tensor) throws(LearningError) -> Tensor {
    try require(.bool, "choose")
    guard Self.broadcasts(a.shape, b.shape), Self.broadcasts(shape, a.shape),
      Self.broadcasts(shape, b.shape)
    else { throw .shapes("choose", a.shape, b.shape, remedy: Self.broadcastRule) }
    return Tensor(
      // SAFETY: the handles live through the call, and the shim is told how many there are.
      try unsafe Handle.make("choose") { result in
        unsafe handle.lend { c in
          unsafe a.handle.lend { a in
            unsafe b.handle.lend { b in unsafe fmlx_where(c, a, b, result) }
          }
        }
      })
  }

  static let broadcastRule = "Extents must be equal, or 1, counted from the last axis."

  static func broadcasts(_ a: [Int], _ b: [Int]) -> Bool {
    zip(a.reversed(), b.reversed()).allSatisfy { $0 == $1 || $0 == 1 || $1 == 1 }
  }

  private func elementwise(
    _ operation: Int, _ name: String, _ other: Tensor
  ) throws(LearningError) -> Tensor {
    guard Self.broadcasts(shape, other.shape) else {
      throw .shapes(name, shape, other.shape, remedy: Self.broadcastRule)
    }
    return try binary(operation, name, other)
  }

  private func binary(
    _ operation: Int, _ name: String, _ other: Tensor
  ) throws(LearningError) -> Tensor {
    Tensor(
      try unsafe Handle.make(name) { result in
        unsafe handle.lend { a in
          unsafe other.handle.lend { b in unsafe fmlx_binary(Int32(operation), a, b, result) }
        }
      })
  }

  private func withNumber(
    _ operation: Int, _ name: String, _ number: Float
  ) throws(LearningError) -> Tensor {
    Tensor(
      try unsafe Handle.make(name) { result in
        unsafe handle.lend { unsafe fmlx_binary_scalar(Int32(operation), $0, number, result) }
      })
  }

  private func map(_ operation: Int, _ name: String) throws(LearningError) -> Tensor {
    Tensor(
      try unsafe Handle.make(name) { result in
        unsafe handle.lend { unsafe fmlx_unary(Int32(operation), $0, result) }
      })
  }
}
