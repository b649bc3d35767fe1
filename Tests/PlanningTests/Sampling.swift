// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning

/// Seeds of a property test: the claim's name keeps the streams of two tests apart.
func seeds(_ count: Int) -> [Seed] { (1...count).map { Seed(UInt64($0)) } }

/// A fabric of a random shape, some links failed or narrower, every pair of leaves still joined.
func sampleFabric(
  _ random: inout SplitMix64, uneven: Bool
) throws -> Fabric {
  let leaves = Int.random(in: 2...6, using: &random)
  let spines = Int.random(in: 1...9, using: &random)
  var fabric = try Fabric(
    leaves: leaves, hostsPerLeaf: Int.random(in: 1...6, using: &random), spines: spines)
  // Spine 0 stays whole.
  for leaf in 0..<leaves where uneven {
    for spine in 1..<spines {
      let capacity = [0, 0.25, 0.5, 1, 1, 1].randomElement(using: &random)!
      fabric = fabric.setting(capacity: capacity, leaf: leaf, spine: spine)
    }
  }
  return fabric
}

/// Random demands among the hosts of a fabric, all of one size, or each of its own.
func sampleDemands(
  _ random: inout SplitMix64, on fabric: Fabric, equal: Bool
) -> [Demand] {
  guard fabric.hosts > 1 else { return [] }
  let size = Double.random(in: 0.01...100, using: &random)
  return (0..<Int.random(in: 0...200, using: &random)).map { _ in
    let source = Int.random(in: 0..<fabric.hosts, using: &random)
    let other = Int.random(in: 1..<fabric.hosts, using: &random)
    return Demand(
      from: source, to: (source + other) % fabric.hosts,
      size: equal ? size : Double.random(in: 0.01...100, using: &random))
  }
}

/// A random matrix; some pairs have no link if `holes`.
func sampleMatrix(
  _ random: inout SplitMix64, members: Int, holes: Bool = false, levels: Int = 1000
) throws -> PairMatrix {
  var matrix = try PairMatrix(members: members)
  for from in 0..<members {
    for to in 0..<members where from != to {
      if holes, Int.random(in: 0..<3, using: &random) == 0 { continue }
      try matrix.set(
        from: from, to: to,
        PairLink(
          latency: .microseconds(Int.random(in: 100...50_000, using: &random)),
          bytesPerSecond: Double(Int.random(in: 1...levels, using: &random)) * 1e6))
    }
  }
  return matrix
}

/// All orders of `members` that begin with the first.
func orders(_ members: [Int]) -> [[Int]] {
  guard members.count > 1 else { return [members] }
  func all(_ rest: [Int]) -> [[Int]] {
    guard !rest.isEmpty else { return [[]] }
    return rest.indices.flatMap { at -> [[Int]] in
      var others = rest
      let one = others.remove(at: at)
      return all(others).map { [one] + $0 }
    }
  }
  return all(Array(members.dropFirst())).map { [members[0]] + $0 }
}
