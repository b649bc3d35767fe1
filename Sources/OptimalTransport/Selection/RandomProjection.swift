// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Fewer coordinates that keep distances about as they are: products with random signs (Johnson and
/// Lindenstrauss 1984; Achlioptas 2003, theorem 1.1).
///
/// Squared lengths are right on the mean; they spread by about `√(2/k)` of themselves for k coordinates.
public struct RandomProjection: Sendable, Equatable {
  /// How many coordinates are left, at least 1.
  public let dimensions: Int
  /// Which signs: the same for equal seeds and equal dimensions of the points.
  public let seed: Seed

  /// - Parameter dimensions: how many coordinates are left, at least 1.
  public init(to dimensions: Int, seed: Seed) {
    self.dimensions = dimensions
    self.seed = seed
  }

  /// The points' images, `[n, dimensions]`.
  ///
  /// - Throws: `.badSetting` for no dimensions.
  public func callAsFunction(_ points: Points) throws(TransportError) -> Points {
    guard dimensions > 0 else {
      throw TransportError(
        .badSetting, "a projection to \(dimensions) dimensions", at: "random projection",
        remedy: "Leave at least 1.")
    }
    let d = points.dimensions
    let size = 1 / Double(dimensions).squareRoot()
    var random = SplitMix64(seed)
    var signs = [Double](repeating: 0, count: d * dimensions)
    for start in stride(from: 0, to: signs.count, by: 64) {
      var word = random.next()
      for k in start..<min(start + 64, signs.count) {
        signs[k] = word & 1 == 0 ? size : -size
        word >>= 1
      }
    }
    return try Points(
      matrixProduct(points.coordinates, signs, inner: d), dimensions: dimensions)
  }
}
