// SPDX-License-Identifier: Apache-2.0

package import FerryRecipes

/// A run of a recipe as a terminal shows it.
package struct RecipeText: Sendable {
  private let report: RecipeReport
  private let page: String?

  /// - Parameter page: where the HTML was written, if it was.
  package init(_ report: RecipeReport, page: String? = nil) {
    self.report = report
    self.page = page
  }

  /// - Parameter width: columns; sentences are broken to it, tables are not.
  package func text(width: Int) -> String {
    var text =
      "\(report.recipe) · \(report.budget.rawValue) · seed \(report.seed) · "
      + "\(Quantity.seconds(report.seconds))\(report.subject == .baseline ? " · control" : "")\n"
    for (name, line) in [
      ("MOVED", report.moved), ("COST", report.cost), ("IN SYNC", report.inSync),
      ("CLAIMS", report.tally),
    ] {
      text += Self.broken(line, head: name.padded(to: 9), width: width)
    }
    var table = TextTable([
      ("CLAIM", .leading), ("BASELINE", .trailing), ("OURS", .trailing), ("NEED", .trailing),
      ("VERDICT", .leading),
    ])
    for claim in report.claims {
      table.add([
        claim.id, claim.baseline.map(TransportReport.short) ?? "–",
        claim.shown, claim.need, claim.verdict.rawValue,
      ])
    }
    text += "\n" + table.text + "\n"
    if report.seeds > 1 {
      let sentence =
        "Claims are means over \(report.seeds) seeds, with intervals of 95 %; all else is of seed "
        + "\(report.seed)."
      text += Self.broken(sentence, head: "", width: width) + "\n"
    }
    for claim in report.claims {
      text += Self.broken(
        "\(claim.sentence) Measured: \(claim.metric). Paper: \(claim.reported).",
        head: claim.id.padded(to: 14), width: width)
    }
    text += "\nWhat is simulated here\n"
    for line in report.simulated { text += Self.broken(line, head: "  - ", width: width) }
    text += "What the paper did that this does not\n"
    for line in report.notDone { text += Self.broken(line, head: "  - ", width: width) }
    if let page { text += "\nWrote \(page)\n" }
    return text
  }

  /// Words in lines of a width, those after the first as far in as the head is long.
  static func broken(_ words: String, head: String, width: Int) -> String {
    let indent = String(repeating: " ", count: head.count)
    var lines = [head]
    for word in words.split(separator: " ") {
      if lines[lines.count - 1].count > head.count,
        lines[lines.count - 1].count + 1 + word.count > max(40, width)
      {
        lines.append(indent)
      }
      let isStart = lines[lines.count - 1].count == head.count
      lines[lines.count - 1] += (isStart ? "" : " ") + word
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension RecipeReport.Outcome {
  /// The value, over several seeds with its interval: `0.12 ± 0.03`.
  var shown: String {
    TransportReport.short(value) + (spread.map { " ± " + TransportReport.short($0) } ?? "")
  }
}

extension String {
  func padded(to width: Int) -> String {
    self + String(repeating: " ", count: Swift.max(1, width - count))
  }
}

/// What `ferry recipe show` and `list` tell.
package struct RecipeSummary: Codable, Equatable, Sendable {
  package struct ClaimSummary: Codable, Equatable, Sendable {
    package let id: String
    package let sentence: String
    package let metric: String
    package let need: String
    package let reported: String
  }

  package let name: String
  package let title: String
  package let idea: String
  package let data: String
  /// Keys of the data that is not in the product.
  package let needs: [String]
  /// What `--budget full` does beyond the standard budget.
  package let full: String
  package let claims: [ClaimSummary]
  package let references: [String]

  package init(_ recipe: any Recipe) {
    let paper = recipe.paper
    name = paper.name
    title = paper.title
    idea = paper.idea
    data = paper.data
    needs = recipe.needs.map(\.key)
    full =
      "three seeds, with intervals; "
      + (recipe.larger ?? "nothing larger: the same sizes as by default") + "."
    claims = recipe.claims.map {
      ClaimSummary(
        id: $0.id, sentence: $0.sentence, metric: $0.metric, need: $0.need.text,
        reported: $0.reported)
    }
    references = paper.references.map {
      "\($0.authors.replacing(" and ", with: "; ")) (\($0.year)): \($0.title). \($0.link)"
    }
  }

  package func text(width: Int) -> String {
    var text = "\(name): \(title)\n\n" + RecipeText.broken(idea, head: "", width: width)
    text += "\n" + RecipeText.broken(data, head: "Data     ", width: width)
    if !needs.isEmpty {
      text += "         ferry recipe data fetch \(needs.joined(separator: " "))\n"
    }
    text += RecipeText.broken(full, head: "Full     ", width: width)
    text += "\nClaims\n"
    for claim in claims {
      text += RecipeText.broken(
        "\(claim.sentence) \(claim.metric): \(claim.need). Paper: \(claim.reported).",
        head: "  " + claim.id.padded(to: 14), width: width)
    }
    text += "\nTo read\n"
    for line in references { text += RecipeText.broken(line, head: "  - ", width: width) }
    return text
  }
}
