// SPDX-License-Identifier: Apache-2.0

public import FerryOptimalTransport

extension Tensor {
  /// A number that was found outside the engine, with the gradient that was found with it: the value
  /// plus `⟨x − x̄, slope⟩` for each tensor, `x̄` its numbers as they are.
  ///
  /// Gradients flow back through the tensors, once: the second derivative is 0.
  ///
  /// - Parameter slopes: for each tensor its gradient, as many numbers in row-major order.
  /// - Throws: `.shapeMismatch` where a tensor and its gradient differ in count.
  public static func known(
    _ value: Double, slopes: [(of: Tensor, by: [Double])]
  ) throws(LearningError) -> Tensor {
    var sum = try Tensor(Float(value))
    for (tensor, slope) in slopes {
      let fixed = try Tensor(slope.map { Float($0) }, shape: tensor.shape)
      sum = try sum + ((tensor - tensor.withoutGradient()) * fixed).sum()
    }
    return sum
  }

  /// This `[n, d]` tensor's numbers as points, widened exactly.
  ///
  /// - Throws: `LearningError.shapeMismatch` where there are other than two axes;
  ///   `TransportError.badPoint` for a number that is not finite.
  public func points() throws -> Points {
    let shape = shape
    guard shape.count == 2 else {
      throw LearningError(
        .shapeMismatch, "\(shape) is no list of points", place: "transport loss",
        remedy: "Give [points, coordinates].")
    }
    return try Points(floats: floats(), dimensions: shape[1])
  }
}
