// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
import Foundation

/// What is measured of a cell: many genes, each a sparse mixture of the network's, with noise, some of
/// them missed.
package struct GeneMeasurement: Sendable {
  /// How many are measured.
  package let count: Int
  /// For each measured gene the network's genes in it, with their shares, which add up to 1.
  private let sources: [[(gene: Int, share: Double)]]

  /// Genes of the network in one measured gene, at most.
  private static let mixed = 3
  /// The deviation of the logarithm of what is measured.
  private static let noise = 0.2
  /// The chance that a gene is missed.
  private static let dropout = 0.1

  package init(genes: Int, count: Int, using chance: inout SplitMix64) {
    self.count = count
    sources = (0..<count).map { place in
      // Each of the network's genes is measured.
      let others = (0..<genes).filter { $0 != place % genes }.shuffled(using: &chance)
      let own = [place % genes] + others.prefix(Self.mixed - 1)
      let weights = own.map { _ in Double.random(in: 0.3..<1, using: &chance) }
      let sum = weights.reduce(0, +)
      return zip(own, weights).map { ($0, $1 / sum) }
    }
  }

  /// `log(1 + 10 x)` of each, the same noise for the same seed.
  package func callAsFunction(_ levels: [Double], seed: Seed) -> [Double] {
    var chance = SplitMix64(seed)
    return sources.map { parts in
      let level = parts.reduce(0) { $0 + $1.share * levels[$1.gene] }
      // Both are drawn for every gene, so that a missed one shifts no other.
      let factor = exp(Self.noise * chance.normal())
      let isMissed = Double.random(in: 0..<1, using: &chance) < Self.dropout
      return isMissed ? 0 : log(1 + 10 * level * factor)
    }
  }
}
