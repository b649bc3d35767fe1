// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("PrincipalComponents")
struct PrincipalComponentsTests {
  private static func cloud(_ seed: UInt64, count: Int, dimensions d: Int) throws -> Points {
    var chance = SplitMix64(Seed(seed))
    return try Points(
      (0..<count * d).map {
        // Coordinates of unlike spread, off the origin, that go along with their neighbors.
        Double.random(in: -1...1, using: &chance) * Double($0 % d + 1) + Double($0 / d % 3)
      }, dimensions: d)
  }

  @Test(
    "axes are orthonormal, what lies along them is uncorrelated, and nothing is lost by all of them",
    arguments: [(1, 40, 5), (2, 6, 9), (3, 1, 3), (4, 200, 1)])
  func laws(seed: UInt64, count: Int, dimensions d: Int) throws {
    let points = try Self.cloud(seed, count: count, dimensions: d)
    let components = try PrincipalComponents(of: points, count: d)
    let images = try components(points)
    for j in 0..<d {
      for k in 0..<d {
        var inner = 0.0
        for t in 0..<d { inner += components.axes[j * d + t] * components.axes[k * d + t] }
        #expect(abs(inner - (j == k ? 1 : 0)) < 1e-12)
        var product = 0.0
        for i in 0..<count {
          product += images.coordinates[i * d + j] * images.coordinates[i * d + k]
        }
        let expected = j == k ? components.variances[j] : 0
        #expect(abs(product / Double(count) - expected) < 1e-9)
      }
    }
    #expect(components.variances == components.variances.sorted(by: >))
    for i in 0..<count {
      for t in 0..<d {
        var back = components.mean[t]
        for k in 0..<d { back += images.coordinates[i * d + k] * components.axes[k * d + t] }
        #expect(abs(back - points.coordinates[i * d + t]) < 1e-12)
      }
    }
    let few = try PrincipalComponents(of: points, count: 1)
    #expect(few.axes == Array(components.axes.prefix(d)))
    #expect(few.axes.max { abs($0) < abs($1) }! > 0)
  }

  @Test("more coordinates than points, many without any variance, as pictures have them")
  func flat() throws {
    let (n, d) = (60, 300)
    var chance = SplitMix64(Seed(5))
    let points = try Points(
      (0..<n * d).map { $0 % d % 3 == 0 ? 0 : Double.random(in: 0...1, using: &chance) },
      dimensions: d)
    let components = try PrincipalComponents(of: points, count: 80)
    #expect(components.variances[..<(n - 1)].allSatisfy { $0 > 1e-3 })
    #expect(components.variances[(n - 1)...].allSatisfy { $0 < 1e-12 })
    // The variance of all coordinates together is in the first n − 1 axes.
    var total = 0.0
    for t in 0..<d {
      let column = (0..<n).map { points.coordinates[$0 * d + t] }
      let mean = column.reduce(0, +) / Double(n)
      total += column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(n)
    }
    #expect(abs(components.variances.reduce(0, +) - total) < 1e-10)
  }

  @Test("what does not fit is one clear error")
  func refused() throws {
    let points = try Self.cloud(1, count: 4, dimensions: 2)
    for count in [0, 3] {
      let error = #expect(throws: TransportError.self) {
        try PrincipalComponents(of: points, count: count)
      }
      #expect(
        error?.description
          == "setting-out-of-range: \(count) components of 2 coordinates (principal components). "
          + "Ask for at least 1 and at most one for each coordinate.")
    }
    let other = try Self.cloud(1, count: 4, dimensions: 3)
    let error = #expect(throws: TransportError.self) {
      try PrincipalComponents(of: points, count: 1)(other)
    }
    #expect(error?.code == .shapeMismatch)
  }
}
