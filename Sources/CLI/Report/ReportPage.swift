// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A run as one HTML page that needs nothing else: no script, no font, no network.
package struct ReportPage: Sendable {
  let record: RunRecord

  package init(_ record: RunRecord) { self.record = record }

  package var html: String {
    let sections = [loss, membership, bytes, faults, peers, views, sample, settings]
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(escape(record.run)) · ferry</title>
      <style>
      \(ReportStyle.css)
      </style>
      </head>
      <body>
      <main>
      \(header)
      \(sections.compactMap(\.self).joined(separator: "\n"))
      <footer>\(footer)</footer>
      </main>
      </body>
      </html>

      """
  }

  // MARK: - Head

  private var header: String {
    let names = record.peers.count == 1 ? "one peer" : "\(record.peers.count) peers"
    let model = record.parameters.map { "\(Quantity.count(Double($0))) parameters" }
    var lead = "\(model.map { "A model of \($0)" } ?? "A model"), trained by \(names)"
    if let text = record.dataset {
      lead += " on \(Quantity.bytes(text.bytes)) of text (\(text.name))"
    }
    lead +=
      " in \(Quantity.seconds(record.seconds)): \(record.roundsCommitted) rounds, "
      + "\(Quantity.count(Double(record.tokens))) tokens."
    return """
      <header>
      <p class="brand">ferry · report of a run</p>
      <h1>\(escape(record.run))</h1>
      <p class="lead">\(escape(lead))</p>
      </header>
      <div class="cards">
      \(cards.map { "<div class=\"card\"><b>\($0.figure)</b><span>\(escape($0.words))</span></div>" }
        .joined(separator: "\n"))
      </div>
      """
  }

  private var cards: [(figure: String, words: String)] {
    var cards: [(String, String)] = []
    if let bits = record.validation.last {
      var words = "validation"
      if let set = record.dataset {
        words += "; bigram entropy is \(Quantity.decimal(set.bigramBits, digits: 3))"
      }
      if let one = record.onePeer.last {
        words += ", one peer alone reached \(Quantity.decimal(one, digits: 3))"
      }
      cards.append(("\(Quantity.decimal(bits, digits: 3)) <small>bits per byte</small>", words))
    }
    let finished = record.peers.filter { $0.finished != nil }
    if !finished.isEmpty {
      cards.append(
        record.finalHashes.count == 1
          ? (
            "\(finished.count) of \(finished.count) <small>equal</small>",
            "the parameters of all peers that finished have the same SHA-256"
          )
          : (
            "<span class=\"bad\">\(record.finalHashes.count) different</span>",
            "the parameters of peers that finished differ: this must not happen"
          ))
    }
    let (sent, parallel) = record.totals
    if sent.total > 0, parallel > 0 {
      let averaging =
        sent.exchange > 0
        ? "; averaging alone, \(Quantity.ratio(Double(parallel) / Double(sent.exchange))) fewer"
        : ""
      cards.append(
        (
          "\(Quantity.ratio(Double(parallel) / Double(sent.total))) <small>fewer bytes</small>",
          "\(Quantity.bytes(sent.total)) sent by all peers, catch-ups included; data-parallel "
            + "training would have sent \(Quantity.bytes(parallel))" + averaging
        ))
    }
    let costs = record.faultCosts.compactMap(\.total).sorted()
    if !costs.isEmpty {
      cards.append(
        (
          "\(Quantity.seconds(median(costs))) <small>lost per fault</small>",
          "the median of \(costs.count), the worst \(Quantity.seconds(costs.last ?? 0)); "
            + "detection, agreement and repetition together"
        ))
    }
    return cards
  }

  private func median(_ sorted: [Double]) -> Double {
    (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  private var footer: String {
    let date = Date(timeIntervalSince1970: Double(record.origin) / 1000)
    return "Begun \(escape(date.formatted(.iso8601))). Every figure was measured by the peers and "
      + "read from their event logs; bytes were counted where they left each peer."
  }

  // MARK: - Charts

  func section(_ title: String, _ note: String, _ body: String) -> String {
    "<section>\n<h2>\(escape(title))</h2>\n<p class=\"note\">\(escape(note))</p>\n\(body)\n</section>"
  }

  private var loss: String? {
    LossChart(record).svg.map { svg in
      section(
        "What it learnt",
        "Thin lines: each peer's training loss over a round. Dark line: the parameters that all "
          + "hold, on text they never saw."
          + (record.onePeer.last == nil
            ? ""
            : " Dashed: one peer alone, which took the steps of all one after another and had "
              + "nobody to share the time with."),
        legend(
          record.peers.prefix(MembershipChart.rowsMax).map {
            ($0.name, .line(Palette.peer($0.index)))
          })
          + "<figure>\(svg)</figure>")
    }
  }

  private var membership: String? {
    MembershipChart(record).svg.map { svg in
      section(
        "Who was there",
        "Each bar is a peer's process. Every tick in the lowest lane is a round that became state: "
          + "gaps are what faults cost.",
        legend([
          ("joined", .join), ("catching up from fellows", .hatch), ("killed", .cross),
          ("coordinates", .diamond),
        ])
          + "<figure><svg width=\"0\" height=\"0\" style=\"position:absolute;min-width:0;width:0\">"
          + Self.hatch + "</svg>\(svg)</figure>")
    }
  }

  private static let hatch = """
    <defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" \
    patternTransform="rotate(45)"><rect width="6" height="6" fill="var(--paper)"/>\
    <rect width="2.5" height="6" fill="var(--soft)"/></pattern></defs>
    """

  private var bytes: String? {
    let chart = BytesChart(record)
    guard let svg = chart.svg else { return nil }
    let sent = record.totals.sent
    let used = sent.byName.filter { $0.bytes > 0 }
    var body = legend(
      used.map { ("\($0.name) \(Quantity.bytes($0.bytes))", .box(Palette.purpose($0.name))) })
    body += "<figure>\(svg)</figure>"
    if let comparison = chart.comparison {
      body +=
        "\n<p class=\"note\" style=\"margin-top:22px\">The whole run against data-parallel "
        + "training with f32 gradients at every step, on one linear scale.</p>\n"
        + "<figure>\(comparison)</figure>"
    }
    return section(
      "What it sent", "Counted where the bytes leave a peer, encryption and headers included.", body
    )
  }

  // MARK: - Legend

  private enum Mark {
    case line(String)
    case box(String)
    case join, hatch, cross, diamond

    var svg: String {
      switch self {
      case .line(let color): "<path d=\"M1 7H21\" stroke=\"\(color)\" stroke-width=\"3\"/>"
      case .box(let color):
        "<rect x=\"5\" y=\"1\" width=\"12\" height=\"12\" rx=\"2\" fill=\"\(color)\"/>"
      case .join: "<path d=\"M7 1L16 7L7 13Z\" fill=\"var(--soft)\"/>"
      case .hatch:
        "<rect x=\"2\" y=\"2\" width=\"18\" height=\"10\" rx=\"2\" fill=\"url(#hatch)\" stroke=\"var(--soft)\"/>"
      case .cross:
        "<circle cx=\"11\" cy=\"7\" r=\"6\" fill=\"none\" stroke=\"var(--alarm)\" stroke-width=\"1.6\"/>"
          + "<path d=\"M8.5 4.5l5 5m0 -5l-5 5\" stroke=\"var(--alarm)\" stroke-width=\"1.8\"/>"
      case .diamond: "<path d=\"M11 1l5.5 6l-5.5 6l-5.5 -6Z\" fill=\"var(--ink)\"/>"
      }
    }
  }

  private func legend(_ items: [(name: String, mark: Mark)]) -> String {
    let rows = items.map {
      "<li><svg viewBox=\"0 0 22 14\" aria-hidden=\"true\">\($0.mark.svg)</svg>\(escape($0.name))</li>"
    }
    return "<ul class=\"legend\">\(rows.joined())</ul>\n"
  }

  private func escape(_ text: String) -> String { SVG.escape(text) }
}
