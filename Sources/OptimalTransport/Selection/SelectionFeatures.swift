// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Samples of a pool and of targets, made ready to be compared by `TargetedSelection`: projected to
/// fewer dimensions, and so that no direction counts for more because it varies more, where wanted.
public struct SelectionFeatures: Sendable {
  /// What samples are compared by.
  public enum Form: String, CaseIterable, Codable, Sendable {
    /// Whitened and of length 1: see `WhitenedFeatures`.
    case whitened
    /// As they are given.
    case plain
  }

  /// `[n, d]`.
  public let pool: Points
  /// `[m, d]`.
  public let targets: Points
  /// Compares them with the paper's entropy, or with features of any unit as much of what they cost.
  public let solver: Sinkhorn

  /// - Parameters:
  ///   - columns: to how many dimensions all are projected at random first; nil is not at all.
  ///   - seed: of the projection.
  /// - Throws: as `RandomProjection` and `WhitenedFeatures`; `.shapeMismatch` where dimensions differ.
  public init(
    pool: Points, targets: Points, _ form: Form = .whitened, columns: Int? = nil, seed: Seed
  ) throws(TransportError) {
    var (pool, targets) = (pool, targets)
    if let columns {
      let projection = RandomProjection(to: columns, seed: seed.derived("projection"))
      (pool, targets) = (try projection(pool), try projection(targets))
    }
    if form == .whitened {
      let whitened = try WhitenedFeatures(pool: pool, targets: targets)
      (pool, targets) = (whitened.pool, whitened.targets)
    }
    self.pool = pool
    self.targets = targets
    solver = Sinkhorn(
      form == .whitened ? .epsilon(0.01) : .shareOfMeanCost(0.01), tolerance: 1e-4)
  }
}
