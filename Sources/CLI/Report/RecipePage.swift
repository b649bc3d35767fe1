// SPDX-License-Identifier: Apache-2.0

package import FerryRecipes

/// A run of a recipe as one HTML page that needs nothing else: no script, no font, no network.
package struct RecipePage: Sendable {
  private let report: RecipeReport

  package init(_ report: RecipeReport) { self.report = report }

  package var html: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(escape(report.recipe)) · ferry</title>
    <style>
    \(ReportStyle.css)
    \(Self.css)
    </style>
    </head>
    <body>
    <main>
    \(header)
    \(ledger)
    \(claims)
    \(report.figures.map { FigureDrawing($0).html }.joined(separator: "\n"))
    \(report.tables.map(table).joined(separator: "\n"))
    \(list("What is simulated here", report.simulated))
    \(list("What the paper did that this does not", report.notDone))
    \(list("To read", report.paper.references.map {
        "\($0.authors.replacing(" and ", with: "; ")). \($0.title). \($0.venue), \($0.year). \($0.link)"
      }))
    <footer>Every number was measured in this run: \(escape(runLine)).</footer>
    </main>
    </body>
    </html>

    """
  }

  private static let css = """
    .ledger{margin:34px 0 0;display:grid;grid-template-columns:max-content 1fr;gap:8px 22px}
    .ledger dt{color:var(--soft);font-size:13px;letter-spacing:.1em;padding-top:3px}
    .ledger dd{margin:0}
    .verdict{font-weight:600;white-space:nowrap}
    .row{display:flex;flex-wrap:wrap;gap:18px}.row div{flex:1 1 180px;max-width:330px}
    .row img{width:100%;image-rendering:pixelated;border-radius:6px;display:block}
    .row p{margin:6px 0 0;color:var(--soft);font-size:14px}
    .warn{background:var(--card);border:1px solid var(--alarm);border-radius:10px;
    padding:12px 18px;margin:24px 0 0}
    """

  private var runLine: String {
    "ferry recipe run \(report.recipe)"
      + (report.budget == .standard ? "" : " --budget \(report.budget.rawValue)")
      + " --seed \(report.seed), \(Quantity.seconds(report.seconds))"
  }

  private var header: String {
    var text = """
      <header>
      <p class="brand">ferry · recipe · \(escape(report.recipe))</p>
      <h1>\(escape(report.title))</h1>
      <p class="lead">\(escape(report.paper.idea))</p>
      </header>
      """
    if report.subject == .baseline {
      text +=
        "\n<p class=\"warn\">A control: the baseline ran under the method's name, "
        + "and claims should fail.</p>"
    }
    if report.seeds > 1 {
      text +=
        "\n<p class=\"dim\">Claims are means over \(report.seeds) seeds, with intervals of 95 %; "
        + "all else is of seed \(report.seed).</p>"
    }
    if report.budget == .smoke {
      text += "\n<p class=\"warn\">Toy sizes: this run proves only that the recipe runs.</p>"
    }
    return text
  }

  private var ledger: String {
    let rows = [
      ("MOVED", report.moved), ("COST", report.cost), ("IN SYNC", report.inSync),
      ("CLAIMS", report.tally),
    ]
    return "<dl class=\"ledger\">\n"
      + rows.map { "<dt>\($0.0)</dt><dd>\(escape($0.1))</dd>\n" }.joined() + "</dl>"
  }

  private var claims: String {
    let rows = report.claims.map { claim in
      let color =
        switch claim.verdict {
        case .pass: "good"
        case .fail: "bad"
        case .weak, .notEvaluated: "dim"
        }
      let cells = [
        "<td>\(escape(claim.sentence))<br><span class=\"dim\">\(escape(claim.metric))</span></td>",
        "<td class=\"n\">\(claim.baseline.map(TransportReport.short) ?? "–")</td>",
        "<td class=\"n\">\(escape(claim.shown))</td>",
        "<td class=\"n\">\(escape(claim.need))</td>", "<td>\(escape(claim.reported))</td>",
        "<td class=\"verdict \(color)\">\(claim.verdict.rawValue)</td>",
      ]
      return "<tr>\(cells.joined())</tr>"
    }
    return """
      <section>
      <h2>Claims</h2>
      <div class="scroll"><table>
      <tr><th>claim</th><th class="n">baseline</th><th class="n">ours</th><th class="n">need</th>\
      <th>paper</th><th>verdict</th></tr>
      \(rows.joined(separator: "\n"))
      </table></div>
      </section>
      """
  }

  private func table(_ table: FindingTable) -> String {
    func row(_ cells: [String], _ tag: String) -> String {
      let parts = cells.enumerated().map { index, cell in
        "<\(tag)\(index > 0 ? " class=\"n\"" : "")>\(escape(cell))</\(tag)>"
      }
      return "<tr>\(parts.joined())</tr>"
    }
    return "<section>\n<h2>\(escape(table.title))</h2>\n<div class=\"scroll\"><table>\n"
      + ([row(table.columns, "th")] + table.rows.map { row($0, "td") }).joined(separator: "\n")
      + "\n</table></div>\n</section>"
  }

  private func list(_ title: String, _ items: [String]) -> String {
    "<section>\n<h2>\(escape(title))</h2>\n<ul>"
      + items.map { "<li>\(escape($0))</li>" }.joined(separator: "\n") + "</ul>\n</section>"
  }

  private func escape(_ text: String) -> String { SVG.escape(text) }
}
