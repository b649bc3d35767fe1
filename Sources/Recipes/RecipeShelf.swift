// SPDX-License-Identifier: Apache-2.0

/// All recipes there are.
public enum RecipeShelf {
  /// In the order of `ferry recipe list`.
  public static let all: [any Recipe] = [
    ColorTransfer(), SparseNewton(), PrototypeAlignment(), DigitsAdaptation(),
    ImbalancedClustering(), SurvivalPooling(),
    DataSelection(), MixtureScaling(), ExpertRouting(), ProductQuantization(),
    ConditionalMonge(), Perturbation(),
  ]

  /// The recipe of this name; nil where there is none.
  public static func named(_ name: String) -> (any Recipe)? {
    all.first { $0.paper.name == name }
  }

  /// `Docs/papers.bib`: every reference once, by key.
  public static var bibliography: String {
    var seen: Set<String> = []
    let references = all.flatMap(\.paper.references).filter { seen.insert($0.key).inserted }
    return references.sorted { $0.key < $1.key }.map(\.bibTeX).joined(separator: "\n")
  }
}
