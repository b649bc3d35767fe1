// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Whitened features")
struct WhitenedFeaturesTests {
  /// Samples whose coordinates vary by very different amounts, and together.
  private func samples(_ seed: Seed, count: Int, dimensions d: Int) throws -> Points {
    var random = SplitMix64(seed)
    return try Points(
      (0..<count).flatMap { _ -> [Double] in
        let common = Double.random(in: -1...1, using: &random)
        return (0..<d).map { k in
          (common + Double.random(in: -1...1, using: &random)) * Double(k * k + 1) + 5
        }
      }, dimensions: d)
  }

  private func gram(_ a: Points, _ b: Points) -> [Double] {
    (0..<a.count).flatMap { i in
      (0..<b.count).map { j in zip(a[i], b[j]).reduce(0) { $0 + $1.0 * $1.1 } }
    }
  }

  @Test("have length 1, and angles that no turn, stretch or shift of the samples changes")
  func invariance() throws {
    let d = 3
    let pool = try samples(Seed(1), count: 40, dimensions: d)
    let targets = try samples(Seed(2), count: 9, dimensions: d)
    let plain = try WhitenedFeatures(pool: pool, targets: targets, .ridge(1e-12))
    for points in [plain.pool, plain.targets] {
      for i in 0..<points.count {
        #expect(abs(points[i].reduce(0) { $0 + $1 * $1 } - 1) < 1e-12)
      }
    }
    // Any invertible matrix: whitening takes it out, up to the ridge.
    let matrix = [2.0, 1, 0, -1, 3, 0.5, 0, 0.25, 40]
    func bent(_ points: Points) throws -> Points {
      try Points(
        (0..<points.count).flatMap { i in
          (0..<d).map { r in
            zip(points[i], matrix[r * d..<(r + 1) * d]).reduce(-7) { $0 + $1.0 * $1.1 }
          }
        }, dimensions: d)
    }
    let other = try WhitenedFeatures(pool: bent(pool), targets: bent(targets), .ridge(1e-12))
    #expect(difference(gram(plain.pool, plain.targets), gram(other.pool, other.targets)) < 1e-7)
    // The unit does not matter at any ridge.
    let scaled = try WhitenedFeatures(
      pool: Points(pool.coordinates.map { $0 * 1e-9 }, dimensions: d),
      targets: Points(targets.coordinates.map { $0 * 1e-9 }, dimensions: d), .ridge(0.1))
    let strong = try WhitenedFeatures(pool: pool, targets: targets, .ridge(0.1))
    #expect(difference(scaled.pool.coordinates, strong.pool.coordinates) < 1e-9)
    #expect(difference(strong.pool.coordinates, plain.pool.coordinates) > 1e-3)
  }

  @Test("by hand: two directions that differ only in how much they vary become alike")
  func byHand() throws {
    let pool = try Points([10, 0, -10, 0, 0, 1], dimensions: 2)
    let targets = try Points([0, -1, 10, 1, -10, -1], dimensions: 2)
    let found = try WhitenedFeatures(pool: pool, targets: targets, .ridge(1e-14))
    // The mean is 0; sums of squares are 400 and 4, that of products 20: a correlation of 1/2, which
    // whitening takes out of all six and so puts, negated, between these two.
    let angle = zip(found.pool[0], found.pool[2]).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(abs(angle - -0.5) < 1e-9)
  }

  @Test("few samples are shrunk as Ledoit and Wolf do")
  func shrinkage() throws {
    // scikit-learn 1.9.1's ledoit_wolf_shrinkage of these twelve.
    let all: [[Double]] = (0..<12).map { i in
      (0..<4).map { k -> Double in
        let common = Double(((3 * i) % 7 - 3) * (k + 1))
        return common + Double((i * k + i) % 3) / 2
      }
    }
    let pool = try Points(all[..<9].flatMap { $0 }, dimensions: 4)
    let targets = try Points(all[9...].flatMap { $0 }, dimensions: 4)
    let found = try WhitenedFeatures(pool: pool, targets: targets, .estimated)
    #expect(abs(found.shrinkage - 0.08351428267511807) < 1e-12)
    #expect(try WhitenedFeatures(pool: pool, targets: targets).shrinkage == 1e-5)
    // As many samples as dimensions: the covariance is flat, and is shrunk.
    let flat = try WhitenedFeatures(
      pool: samples(Seed(3), count: 4, dimensions: 6),
      targets: samples(Seed(4), count: 2, dimensions: 6))
    #expect(flat.shrinkage > 0.01 && flat.shrinkage < 1)
  }

  @Test("what has no direction, other dimensions and no ridge are refused")
  func refusals() throws {
    let one = try Points([1, 2, 1, 2], dimensions: 2)
    #expect(
      message { _ = try WhitenedFeatures(pool: one, targets: one) }
        == "point-out-of-range: all 4 samples are equal (whitened features). Give samples that differ."
    )
    let cross = try Points([1, 0, -1, 0, 0, 1, 0, -1], dimensions: 2)
    #expect(
      message { _ = try WhitenedFeatures(pool: cross, targets: Points([0, 0], dimensions: 2)) }
        == "point-out-of-range: the sample is the mean of all, so that no direction leads to it "
        + "(targets, sample 0). Leave it out.")
    #expect(
      message { _ = try WhitenedFeatures(pool: cross, targets: Points([0], dimensions: 1)) }
        == "shape-mismatch: the pool has 2 dimensions, targets 1 (whitened features). "
        + "Give both the same coordinates.")
    #expect(
      message { _ = try WhitenedFeatures(pool: cross, targets: one, .ridge(0)) }
        == "setting-out-of-range: the ridge is 0.0 (whitened features). "
        + "Give a share above 0; 1e-5 is usual.")
    #expect(
      message {
        let wide = try Points([Double](repeating: 1, count: 4097), dimensions: 4097)
        _ = try WhitenedFeatures(pool: wide, targets: wide)
      }
        == "setting-out-of-range: the samples have 4097 dimensions (whitened features). "
        + "Project them to at most 4096: RandomProjection does.")
  }

  @Test("a random projection keeps squared lengths on the mean, and is the same for one seed")
  func projection() throws {
    let points = try samples(Seed(5), count: 30, dimensions: 200)
    let image = try RandomProjection(to: 64, seed: Seed(1))(points)
    #expect(image.dimensions == 64 && image.count == 30)
    #expect(try image == RandomProjection(to: 64, seed: Seed(1))(points))
    #expect(try image != RandomProjection(to: 64, seed: Seed(2))(points))
    // Of many seeds, the mean squared length of one vector.
    let vector = try Points([3, -4, 12], dimensions: 3)
    var sum = 0.0
    for seed in seeds(400) {
      sum += try RandomProjection(to: 8, seed: seed)(vector).coordinates.reduce(0) { $0 + $1 * $1 }
    }
    // One squared length spreads by at most √(2/8) of itself.
    #expect(abs(sum / 400 / 169 - 1) < 4 * 0.5 / 20)
    #expect(
      message { _ = try RandomProjection(to: 0, seed: Seed(1))(vector) }
        == "setting-out-of-range: a projection to 0 dimensions (random projection). Leave at least 1."
    )
  }
}
