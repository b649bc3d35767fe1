// SPDX-License-Identifier: Apache-2.0

public import FerryOptimalTransport

/// The Monge gap as a loss of a map's images: by how much the map moves its points at more than the
/// least cost (Uscidda and Cuturi 2023, definition 2). Added to a fit, it makes networks learn
/// transport maps instead of any maps.
public struct MongeGapLoss: Sendable {
  /// What the gap is.
  public var gap: MongeGap

  /// The loss of a gap; a custom cost has no gradient.
  public init(_ gap: MongeGap = MongeGap()) { self.gap = gap }

  /// The gap of a map that sends `x: [n, d]` to `images: [n, d]`, point by point.
  ///
  /// Gradients flow to the images alone: points are data.
  ///
  /// - Throws: `LearningError.shapeMismatch` for tensors that are no points, else as `MongeGap`:
  ///   `TransportError.notConverged` among them.
  public func callAsFunction(_ x: Tensor, _ images: Tensor) throws -> Tensor {
    let (points, moved) = (try x.points(), try images.points())
    let value = try gap(points, moved)
    let slope = try gap.gradient(of: value, points, moved, by: .images)
    return try Tensor.known(value.gap, slopes: [(of: images, by: slope)])
  }
}
