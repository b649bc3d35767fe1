// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Sinkhorn divergence")
struct SinkhornDivergenceTests {
  private let divergence = SinkhornDivergence(Sinkhorn(.epsilon(0.05), tolerance: 1e-10))

  @Test("0 between equal clouds, above 0 and symmetric between others", arguments: seeds(6))
  func laws(seed: Seed) throws {
    var random = SplitMix64(seed)
    let x = try samplePoints(&random, count: 20, dimensions: 2)
    let y = try samplePoints(&random, count: 31, dimensions: 2)
    let a = sampleMasses(&random, count: 20, holes: true)
    let b = sampleMasses(&random, count: 31)
    let xx = try divergence(PointCloud(x, x), rowMasses: a, columnMasses: a)
    #expect(abs(xx.divergence) < 1e-9)
    let xy = try divergence(PointCloud(x, y), rowMasses: a, columnMasses: b).divergence
    let yx = try divergence(PointCloud(y, x), rowMasses: b, columnMasses: a).divergence
    #expect(xy > 1e-3 && abs(xy - yx) < 1e-9)
  }

  @Test("its own terms are those of the general solver", arguments: seeds(3))
  func ownTerms(seed: Seed) throws {
    var random = SplitMix64(seed)
    let x = try samplePoints(&random, count: 25, dimensions: 3)
    let value = try divergence(PointCloud(x, x))
    #expect(abs(value.own.sources - value.cross.certificate.dual) < 1e-9)
  }

  @Test("potentials are the gradient with respect to masses")
  func gradient() throws {
    var random = SplitMix64(Seed(11))
    let x = try samplePoints(&random, count: 8, dimensions: 2)
    let y = try samplePoints(&random, count: 9, dimensions: 2)
    let a = sampleMasses(&random, count: 8)
    let cloud = try PointCloud(x, y)
    let h = 1e-5
    var up = a
    var down = a
    up[2] += h
    up[5] -= h
    down[2] -= h
    down[5] += h
    let slope =
      (try divergence(cloud, rowMasses: up).divergence
        - divergence(cloud, rowMasses: down).divergence) / (2 * h)
    let potentials = try divergence(cloud, rowMasses: a).rowPotentials
    #expect(abs(slope - (potentials[2] - potentials[5])) < 1e-6)
  }

  @Test("at an ε close to 0 it is the squared distance", arguments: [1e-3])
  func meetsExact(epsilon: Double) throws {
    let x = try Points([0, 0, 1, 0, 0, 1], dimensions: 2)
    let y = try Points([3, 0, 4, 0, 3, 1], dimensions: 2)
    let value = try SinkhornDivergence(Sinkhorn(.epsilon(epsilon)))(PointCloud(x, y))
    #expect(abs(value.divergence - 9) < 1e-5)
  }

  @Test(
    "of masses that need not be met: 0 between equal clouds, above 0 and symmetric between others")
  func unbalanced() throws {
    var random = SplitMix64(Seed(21))
    let x = try samplePoints(&random, count: 15, dimensions: 2)
    let y = try samplePoints(&random, count: 18, dimensions: 2)
    let a = sampleMasses(&random, count: 15)
    let b = sampleMasses(&random, count: 18).map { 1.5 * $0 }
    for penalty in [MarginalPenalty.kullbackLeibler(0.5), .totalVariation(0.4)] {
      func value(_ x: Points, _ y: Points, _ a: [Double], _ b: [Double]) throws -> Double {
        try divergence(PointCloud(x, y), rowMasses: a, columnMasses: b, penalty: penalty).divergence
      }
      #expect(abs(try value(x, x, a, a)) < 1e-8)
      let xy = try value(x, y, a, b)
      #expect(xy > 1e-3)
      #expect(abs(try value(y, x, b, a) - xy) < 1e-8)
    }
    let strong = MarginalPenalty.kullbackLeibler(1e5)
    let even = b.map { $0 / 1.5 }
    let loose = try divergence(PointCloud(x, y), rowMasses: a, columnMasses: even, penalty: strong)
    let exact = try divergence(PointCloud(x, y), rowMasses: a, columnMasses: even)
    #expect(abs(loose.divergence - exact.divergence) < 1e-4)
  }
}
