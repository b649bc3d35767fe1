// SPDX-License-Identifier: Apache-2.0

/// Predicts performance for any mixture of sources at any size, and finds the best mixture, from pilots of
/// two sizes (projektor; Kang et al. 2023).
public struct ScalingPredictor: Sendable {
  /// Trainings of one size.
  public struct Pilot: Sendable {
    /// How many samples each training had.
    public let size: Int
    /// Fitted to the trainings.
    public let predictor: MixturePredictor

    /// A size, and what was fitted to its trainings.
    public init(size: Int, _ predictor: MixturePredictor) {
      self.size = size
      self.predictor = predictor
    }
  }

  private let distance: MixtureDistance
  private let projection: LogProjection
  private let small: Pilot
  private let large: Pilot

  /// - Parameter distance: the one that the pilots' predictors were fitted with.
  /// - Throws: `.badSetting` for sizes that are not ascending.
  public init(
    _ distance: MixtureDistance, _ small: Pilot, _ large: Pilot
  ) throws(TransportError) {
    projection = try LogProjection(from: small.size, large.size)
    self.distance = distance
    self.small = small
    self.large = large
  }

  /// What is predicted for a mixture at a size, with its slopes by the shares.
  ///
  /// - Throws: as `MixtureDistance`.
  public func callAsFunction(
    _ mixture: [Double], size: Int
  ) throws(TransportError) -> (value: Double, slopes: [Double]) {
    let at = try distance(mixture)
    let weights = projection.weights(size)
    var value = 0.0
    var slopes = [Double](repeating: 0, count: mixture.count)
    for (weight, pilot) in [(weights.small, small), (weights.large, large)] {
      value += weight * pilot.predictor(mixture, distance: at.distance)
      let by = pilot.predictor.slopes(mixture, distance: at.distance)
      for i in mixture.indices {
        slopes[i] += weight * (by.mixture[i] + by.distance * at.slopes[i])
      }
    }
    return (value, slopes)
  }

  /// The mixture with the greatest prediction that ascent from some starts finds.
  ///
  /// - Parameters:
  ///   - starts: mixtures; nil is the equal one and each source alone.
  ///   - search: how the ascent goes.
  /// - Throws: as `MixtureDistance`; `.cancelled`.
  public func best(
    size: Int, starts: [[Double]]? = nil, search: MixtureSearch = MixtureSearch()
  ) throws(TransportError) -> MixtureSearch.Choice {
    let sources = distance.counts.count
    let usual =
      [[Double](repeating: 1 / Double(sources), count: sources)]
      + (0..<sources).map { one in (0..<sources).map { $0 == one ? 1 : 0 } }
    return try search(starts ?? usual) { (mixture) throws(TransportError) in
      try self(mixture, size: size)
    }
  }
}
