// SPDX-License-Identifier: Apache-2.0

extension ReportPage {
  /// A column of a table: its title, and whether it holds numbers.
  private typealias Column = (title: String, isNumber: Bool)

  /// - Parameter rows: cells that are markup already.
  private func table(_ columns: [Column], _ rows: [[String]]) -> String {
    let head = columns.map {
      "<th\($0.isNumber ? " class=\"n\"" : "")>\(SVG.escape($0.title))</th>"
    }
    let body = rows.map { row in
      "<tr>"
        + zip(columns, row).map { "<td\($0.isNumber ? " class=\"n\"" : "")>\($1)</td>" }.joined()
        + "</tr>"
    }
    return "<div class=\"scroll\"><table><thead><tr>\(head.joined())</tr></thead><tbody>\n"
      + body.joined(separator: "\n") + "\n</tbody></table></div>"
  }

  private func clock(_ seconds: Double) -> String {
    Axis.timeLabel(seconds, longest: record.seconds)
  }

  var faults: String? {
    let costs = record.faultCosts.filter { $0.fault.what != "SIGCONT" }
    guard !costs.isEmpty else { return nil }
    let part = { (seconds: Double?) in seconds.map(Quantity.seconds) ?? "–" }
    let rows = costs.map { cost in
      [
        clock(cost.time), SVG.escape(cost.fault.note),
        "<code>\(SVG.escape(cost.fault.what))</code>",
        dot(cost.fault.target) + SVG.escape(record.name(of: cost.fault.target)),
        part(cost.detection), part(cost.agreement), part(cost.repetition),
        "<strong>\(part(cost.total))</strong>",
      ]
    }
    return section(
      "What went wrong, and what it cost",
      "Measured by the slowest survivor. Detection: from the last sign of life until the loss was "
        + "noticed. Agreement: until the new view. Repetition: work of the round done again.",
      table(
        [
          ("At", false), ("Fault", false), ("How", false), ("Peer", false), ("Detection", true),
          ("Agreement", true), ("Repetition", true), ("Lost", true),
        ], rows))
  }

  var peers: String? {
    guard !record.peers.isEmpty else { return nil }
    let common = record.finalHashes.count == 1
    let rows = record.peers.map { peer in
      let (sent, parallel) = record.totals(of: peer)
      let ratio =
        sent.total > 0 && parallel > 0
        ? Quantity.ratio(Double(parallel) / Double(sent.total)) + " fewer" : "–"
      let caughtUp = peer.catchUps.last.map { one in
        let times =
          one.value.stateBytes > 0
          ? ", \(Quantity.decimal(Double(one.value.bytes) / Double(one.value.stateBytes), digits: 2))"
            + "× the state" : ""
        return "\(Quantity.bytes(one.value.bytes))\(times)"
      }
      let hash = peer.finished.map { one in
        "<code class=\"\(common ? "good" : "bad")\" title=\"\(SVG.escape(one.value.hash))\">"
          + "\(common ? "✓" : "✗") \(SVG.escape(String(one.value.hash.prefix(12))))</code>"
      }
      return [
        dot(peer.id) + "<strong>\(SVG.escape(peer.name))</strong>",
        "<code title=\"\(SVG.escape(peer.id))\">…\(SVG.escape(String(peer.id.suffix(6))))</code>",
        SVG.escape(lives(peer)), "\(peer.rounds.count)", Quantity.bytes(sent.total), ratio,
        SVG.escape(caughtUp ?? "–"),
        hash ?? "<span class=\"dim\">\(SVG.escape(ending(peer)))</span>",
      ]
    }
    return section(
      "The peers",
      common && record.peers.contains { $0.finished != nil }
        ? "All that finished hold the same bits."
        : "Hashes are of the parameters at the end.",
      table(
        [
          ("Name", false), ("Id", false), ("There", false), ("Rounds", true), ("Sent", true),
          ("Against data-parallel", true), ("Caught up with", true), ("Parameters", false),
        ], rows))
  }

  private func dot(_ id: String) -> String {
    guard let peer = record.peers.first(where: { $0.id == id }) else { return "" }
    return "<span class=\"dot\" style=\"background:\(Palette.peer(peer.index))\"></span>"
  }

  private func lives(_ peer: RunRecord.Peer) -> String {
    peer.lives.map { "\(clock($0.start))–\(clock($0.end))" }.joined(separator: ", ")
  }

  private func ending(_ peer: RunRecord.Peer) -> String {
    if let failure = peer.failure { return failure.value.code }
    switch peer.lives.last?.ending {
    case .killed: return "killed"
    case .failed: return "failed"
    case .finished: return "finished"
    case .open, nil: return "no last word"
    }
  }

  /// The most views that are listed.
  private static var viewsMax: Int { 40 }

  var views: String? {
    guard record.views.count > 1 else { return nil }
    let rows = record.views.suffix(Self.viewsMax).map { view in
      [
        clock(view.time), "\(view.value.number)", "\(view.value.members.count)",
        dot(view.value.coordinator) + SVG.escape(record.name(of: view.value.coordinator)),
        SVG.escape(record.named(view.value.reason)),
      ]
    }
    return section(
      "How the group changed",
      record.views.count > Self.viewsMax
        ? "The last \(Self.viewsMax) of \(record.views.count) views, each with its reason."
        : "Every view that was agreed on, with its reason.",
      table(
        [
          ("At", false), ("View", true), ("Members", true), ("Coordinator", false),
          ("Reason", false),
        ], rows))
  }

  var sample: String? {
    record.sample.map { sample in
      section(
        "What it says", "The prompt is bold; the rest is the model's, byte by byte.",
        "<blockquote><em>\(SVG.escape(sample.prompt))</em>\(SVG.escape(sample.text))</blockquote>")
    }
  }

  var settings: String? {
    guard !record.settings.isEmpty else { return nil }
    let rows = record.settings.sorted { $0.key < $1.key }.map {
      "<div><code>\(SVG.escape($0.key))</code><code class=\"dim\">\(SVG.escape($0.value))</code></div>"
    }
    let digest = record.digest.map { "Digest <code>\(SVG.escape($0))</code>" } ?? ""
    return section(
      "How it was set",
      "Save these under their sections in a run.toml, and ferry train runs it again.",
      "<details open><summary>\(rows.count) settings. \(digest)</summary>\n"
        + "<div class=\"settings\">\n\(rows.joined(separator: "\n"))\n</div></details>")
  }
}
