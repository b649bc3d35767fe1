// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport

/// Seeds of a property test.
func seeds(_ count: Int) -> [Seed] { (1...count).map { Seed(UInt64($0)) } }

/// Points in the unit cube; with `levels`, on a grid of so many values, so that many coincide.
func samplePoints(
  _ random: inout SplitMix64, count: Int, dimensions: Int, levels: Int? = nil
) throws -> Points {
  try Points(
    (0..<count * dimensions).map { _ in
      if let levels { return Double(Int.random(in: 0..<levels, using: &random)) }
      return Double.random(in: 0...1, using: &random)
    }, dimensions: dimensions)
}

/// Masses that add up to 1, a quarter of them 0 if `holes`.
func sampleMasses(_ random: inout SplitMix64, count: Int, holes: Bool = false) -> [Double] {
  var masses = (0..<count).map { _ in
    holes && Int.random(in: 0..<4, using: &random) == 0
      ? 0 : Double.random(in: 0.1...1, using: &random)
  }
  if masses.allSatisfy({ $0 == 0 }) { masses[0] = 1 }
  let total = masses.reduce(0, +)
  return masses.map { $0 / total }
}

/// All permutations of `0..<count`.
func permutations(_ count: Int) -> [[Int]] {
  func all(_ rest: [Int]) -> [[Int]] {
    guard !rest.isEmpty else { return [[]] }
    return rest.indices.flatMap { at -> [[Int]] in
      var others = rest
      let one = others.remove(at: at)
      return all(others).map { [one] + $0 }
    }
  }
  return all(Array(0..<count))
}

/// By how much `f_i + g_j` exceeds `C_ij` at most: 0 or below where the dual is feasible.
func dualExcess(_ solution: TransportSolution, _ geometry: any CostGeometry) -> Double {
  var excess = -Double.infinity
  for i in 0..<geometry.rowCount {
    for j in 0..<geometry.columnCount {
      excess = max(
        excess,
        solution.rowPotentials[i] + solution.columnPotentials[j] - geometry.cost(i, j))
    }
  }
  return excess
}

/// The message of the error that `body` throws.
func message(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch {
    return "\(error)"
  }
}
