// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What holds one gene down, or drives it.
package struct Drug: Hashable, Sendable {
  /// The gene's index.
  package let gene: Int
  /// Whether it drives the gene rather than holding it down.
  package let drives: Bool

  package init(gene: Int, drives: Bool) {
    self.gene = gene
    self.drives = drives
  }

  /// `Gata1+`.
  func text(_ genes: [String]) -> String { genes[gene] + (drives ? "+" : "−") }
}

/// Drugs that are given together, each at one of five doses.
package struct Treatment: Hashable, Sendable {
  /// One of them.
  package struct Part: Hashable, Sendable {
    /// What is given.
    package let drug: Drug
    /// The index of its dose.
    package let dose: Int
  }

  /// What is given.
  package let parts: [Part]

  /// One drug, or two that are given at the same dose.
  package init(_ drugs: Drug..., dose: Int) {
    parts = drugs.map { Part(drug: $0, dose: dose) }
  }

  /// Doses, where 1 has half of the greatest effect.
  package static let doses = [0.25, 0.5, 1, 2, 4]
  /// The greatest dose.
  static let top = doses.count - 1
  /// Doses that are trained; those between are not.
  static let trainedDoses = stride(from: 0, to: doses.count, by: 2)
  /// The rest.
  static let heldOutDoses = stride(from: 1, to: doses.count, by: 2)
  /// What the greatest of all doses would do: drugs act in part.
  private static let greatestEffect = 0.95

  /// How much a dose does, from 0 to 1 (Hill, power 2).
  package static func effect(_ dose: Int) -> Double {
    let square = doses[dose] * doses[dose]
    return greatestEffect * square / (1 + square)
  }

  /// What a map is told of a dose: −1, −0.5, … 1.
  static func told(_ dose: Int) -> Float { Float(log2(doses[dose]) / 2) }

  /// `Gata1+ 2, Fog1− 2`.
  func text(_ genes: [String]) -> String {
    parts.map { "\($0.drug.text(genes)) \(short(Self.doses[$0.dose]))" }.joined(separator: ", ")
  }
}
