// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes
import Foundation
import Testing

@Suite("Simulated cells")
struct CellSimulatorTests {
  /// a stays by itself; b follows a, c what a and not b leave, d either: no gene acts on one before it.
  private static let chain = """
    # invTimeStep = 0.2
    a = a
    b = a
    c = a and not b
    d = a or b
    a a 1
    b a 0.5
    c a 1
    c b -2
    d a 1
    d b 1
    """

  private static func simulator(steps: Int, noise: Double) throws -> CellSimulator {
    let network = try GeneNetwork(
      rules: Array(chain.utf8), parameters: Array("tmax = 80".utf8), place: "net")
    return CellSimulator(network, starting: [0], steps: steps, noise: noise)
  }

  @Test("a drug moves its gene in the treated cell and no other chance: doses go one way")
  func sameCell() throws {
    let simulator = try Self.simulator(steps: 200, noise: 0.01)
    for number in 0..<20 as Range<UInt64> {
      let cell = simulator.cell(Seed(number))
      let plain = simulator.harvested(cell, under: nil)
      #expect(plain == simulator.harvested(simulator.cell(Seed(number)), under: nil))
      #expect(plain.allSatisfy { $0 >= 0 && $0.isFinite })
      for drives in [false, true] {
        let all = Treatment.doses.indices.map { dose in
          simulator.harvested(cell, under: Treatment(Drug(gene: 1, drives: drives), dose: dose))
        }
        let sorted = all.map { $0[1] }.sorted()
        #expect(all.map { $0[1] } == (drives ? sorted : sorted.reversed()))
        #expect(drives ? all[4][1] > plain[1] : all[4][1] < plain[1])
        // a does not hear of it; c, which b holds down, does.
        #expect(all.allSatisfy { $0[0] == plain[0] })
        #expect(drives ? all[4][2] <= plain[2] : all[4][2] >= plain[2])
      }
    }
    let two = (Seed(1), Seed(2))
    #expect(
      simulator.harvested(simulator.cell(two.0), under: nil)
        != simulator.harvested(simulator.cell(two.1), under: nil))
  }

  @Test("without noise, genes go to where the rules' interpolation holds")
  func steady() throws {
    let simulator = try Self.simulator(steps: 2_000, noise: 0)
    let levels = simulator.harvested(simulator.cell(Seed(3)), under: nil)
    func share(_ x: Double, _ threshold: Double) -> Double {
      x * x / (x * x + threshold * threshold)
    }
    // x = x² / (x² + 0.01) has its upper root at (1 + √0.96) / 2.
    let a = (1 + 0.96.squareRoot()) / 2
    let b = share(a, 0.2)
    let (ofA, ofB) = (share(a, 0.1), share(b, 0.1))
    let wanted = [a, b, ofA * (1 - share(b, 0.05)), ofA + ofB - ofA * ofB]
    for (level, value) in zip(levels, wanted) { #expect(abs(level - value) < 1e-9) }
    // Held down to a share, and driven by what is missing from it.
    let effect = Treatment.effect(4)
    let down = simulator.harvested(
      simulator.cell(Seed(3)), under: Treatment(Drug(gene: 1, drives: false), dose: 4))
    #expect(abs(down[1] - (1 - effect) * b) < 1e-9)
    let up = simulator.harvested(
      simulator.cell(Seed(3)), under: Treatment(Drug(gene: 2, drives: true), dose: 4))
    #expect(abs(up[2] - (effect + (1 - effect) * wanted[2])) < 1e-9)
  }

  @Test("doses do more and more, 1 half of the greatest effect, and never all")
  func doses() {
    let effects = Treatment.doses.indices.map(Treatment.effect)
    #expect(effects == effects.sorted() && effects[0] > 0 && effects[4] < 0.95)
    #expect(abs(effects[2] - 0.475) < 1e-12)
  }

  @Test("the same seed measures with the same errors, and misses about a tenth")
  func measurement() {
    var chance = SplitMix64(Seed(5))
    let measurement = GeneMeasurement(genes: 5, count: 60, using: &chance)
    let levels = [0.1, 0.2, 0.4, 0.6, 0.8]
    #expect(measurement(levels, seed: Seed(1)) == measurement(levels, seed: Seed(1)))
    let all = (0..<200).flatMap { measurement(levels, seed: Seed($0)) }
    let missed = Double(all.count { $0 == 0 }) / Double(all.count)
    #expect(abs(missed - 0.1) < 0.01)
    // More of every gene is more of what is measured, or as much where it is missed.
    let more = measurement(levels.map { 2 * $0 }, seed: Seed(1))
    let pairs = zip(measurement(levels, seed: Seed(1)), more)
    #expect(pairs.allSatisfy { $0 == 0 ? $1 == 0 : $1 > $0 })
    // Every gene of the network is measured.
    for gene in 0..<5 {
      var one = [Double](repeating: 0, count: 5)
      one[gene] = 1
      #expect(measurement(one, seed: Seed(1)).count { $0 > 0 } >= 10)
    }
  }
}
