// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
import Foundation

/// Cells in which a network's genes switch one another: rules as Hill kinetics, and noise.
///
/// A rule's value between on and off is the multilinear interpolation of its table at
/// `a(x) = x² / (x² + θ²)` of each gene it names, `θ = 0.1 / |coupling|`; a step goes a share `rate` of
/// the way from a gene's level to its rule's value, and adds normal noise (Wittmann et al. 2009, with
/// the published network's constants). The same cell, with the same noise, can be run treated and not.
package struct CellSimulator: Sendable {
  /// A cell before anything is given: its genes' levels, and all chance that is to come.
  package struct Cell: Sendable {
    fileprivate var levels: [Double]
    fileprivate var chance: SplitMix64
  }

  /// How many genes there are.
  package let geneCount: Int
  /// The genes that are on in a progenitor.
  private let starting: [Int]
  private let rate: Double
  /// The deviation of a step's noise.
  private let noise: Double
  /// Steps with the drug, the last of a cell's life.
  package let treatedSteps: Int
  /// Steps before them, from one cell to another.
  private let earlierSteps: ClosedRange<Int>
  /// Of all rules one after another: parents, squares of their thresholds, and tables in which bit k
  /// of a place is the k-th parent.
  private let parents: [Int]
  private let squares: [Double]
  private let tables: [Double]
  private let parentStarts: [Int]
  private let tableStarts: [Int]

  /// Half the level from which a gene of coupling 1 counts as on, over its coupling.
  private static let threshold = 0.1
  /// The level of genes that are on at first.
  private static let onLevel = 0.8

  /// - Parameters:
  ///   - starting: the genes that are on in a progenitor.
  ///   - steps: of a whole life; the last quarter is the treated one, and cells are from 0 to
  ///     three quarters of a life old before it.
  package init(_ network: GeneNetwork, starting: [Int], steps: Int, noise: Double) {
    geneCount = network.genes.count
    self.starting = starting
    self.noise = noise
    rate = network.rate
    treatedSteps = max(1, steps / 4)
    earlierSteps = 0...steps - treatedSteps
    var parents: [Int] = []
    var squares: [Double] = []
    var tables: [Double] = []
    var parentStarts = [0]
    var tableStarts = [0]
    for gene in network.genes {
      let names = gene.parents.map { network.genes[$0].name }
      for row in 0..<1 << names.count {
        let holds = gene.rule.holds { name in row >> names.firstIndex(of: name)! & 1 == 1 }
        tables.append(holds ? 1 : 0)
      }
      parents += gene.parents
      squares += gene.couplings.map { Self.threshold * Self.threshold / ($0 * $0) }
      parentStarts.append(parents.count)
      tableStarts.append(tables.count)
    }
    (self.parents, self.squares, self.tables) = (parents, squares, tables)
    (self.parentStarts, self.tableStarts) = (parentStarts, tableStarts)
  }

  /// A cell of a seed, of an age of its own.
  package func cell(_ seed: Seed) -> Cell {
    var chance = SplitMix64(seed)
    var levels = (0..<geneCount).map { _ in 0.001 * abs(chance.normal()) }
    for gene in starting { levels[gene] += Self.onLevel }
    let age = Int.random(in: earlierSteps, using: &chance)
    var cell = Cell(levels: levels, chance: chance)
    run(&cell, steps: age, under: nil)
    return cell
  }

  /// The genes' levels of a cell after its last steps, treated or not.
  package func harvested(_ cell: Cell, under treatment: Treatment?) -> [Double] {
    var cell = cell
    run(&cell, steps: treatedSteps, under: treatment)
    return cell.levels
  }

  private func run(_ cell: inout Cell, steps: Int, under treatment: Treatment?) {
    /// What is left of a gene's production, and what is added to it.
    var kept = [Double](repeating: 1, count: geneCount)
    var added = [Double](repeating: 0, count: geneCount)
    for part in treatment?.parts ?? [] {
      let effect = Treatment.effect(part.dose)
      let gene = part.drug.gene
      kept[gene] *= 1 - effect
      added[gene] = added[gene] * (1 - effect) + (part.drug.drives ? effect : 0)
    }
    var levels = cell.levels
    var chance = cell.chance
    var next = levels
    let widest = zip(tableStarts.dropFirst(), tableStarts).map { $0 - $1 }.max()!
    var folded = [Double](repeating: 0, count: widest)
    for _ in 0..<steps {
      for gene in 0..<geneCount {
        let value = production(of: gene, levels, &folded)
        let wanted = kept[gene] * value + added[gene]
        let level = levels[gene] + rate * (wanted - levels[gene]) + noise * chance.normal()
        // Levels are amounts.
        next[gene] = max(0, level)
      }
      swap(&levels, &next)
    }
    cell = Cell(levels: levels, chance: chance)
  }

  /// A rule's table, folded once for each of its parents.
  private func production(of gene: Int, _ levels: [Double], _ folded: inout [Double]) -> Double {
    let start = tableStarts[gene]
    var count = tableStarts[gene + 1] - start
    for k in 0..<count { folded[k] = tables[start + k] }
    for parent in parentStarts[gene]..<parentStarts[gene + 1] {
      let square = levels[parents[parent]] * levels[parents[parent]]
      let share = square / (square + squares[parent])
      count /= 2
      // Bit 0 is the parent's: neighbors differ in it alone.
      for k in 0..<count { folded[k] = folded[2 * k] + share * (folded[2 * k + 1] - folded[2 * k]) }
    }
    return folded[0]
  }
}
