// SPDX-License-Identifier: Apache-2.0

import FerryRecipes
import Foundation

/// A recipe's figure as a piece of a page.
struct FigureDrawing {
  private let figure: Figure

  init(_ figure: Figure) { self.figure = figure }

  var html: String {
    switch figure {
    case .pictures(let title, let note, let pictures):
      let cells = pictures.map { one in
        "<div><img src=\"\(PNGFile.link(one.picture))\" alt=\"\(SVG.escape(one.caption))\">"
          + "<p>\(SVG.escape(one.caption))</p></div>"
      }
      return section(title, note, "<div class=\"row\">\n\(cells.joined(separator: "\n"))\n</div>")
    case .decay(let title, let note, let x, let y, let curves):
      return section(title, note, "<figure>\(decay(title, x, y, curves))</figure>")
    case .shares(let title, let note, let bars):
      return section(title, note, "<figure>\(shares(title, bars))</figure>")
    }
  }

  private func section(_ title: String, _ note: String, _ body: String) -> String {
    "<section>\n<h2>\(SVG.escape(title))</h2>\n<p class=\"note\">\(SVG.escape(note))</p>\n"
      + "\(body)\n</section>"
  }

  private static let width = 960.0
  private static let left = 70.0
  private static let right = 230.0

  /// Lines over steps, both axes logarithmic: a solver of few steps and one of thousands are seen.
  private func decay(_ title: String, _ x: String, _ y: String, _ curves: [Curve]) -> String {
    let (top, bottom, height) = (14.0, 330.0, 380.0)
    let points = curves.flatMap(\.points).filter { $0.x > 0 && $0.y > 0 && $0.y.isFinite }
    guard let most = points.map(\.x).max(), let high = points.map(\.y).max(),
      let low = points.map(\.y).min()
    else { return "" }
    let across = Axis(0...max(1, log10(most)), from: Self.left, to: Self.width - Self.right)
    let up = Axis(log10(low).rounded(.down)...log10(high).rounded(.up), from: bottom, to: top)
    var svg = SVG()
    let powers = stride(from: up.range.lowerBound, through: up.range.upperBound, by: 1)
    for power in powers {
      svg.line((Self.left, up(power)), (Self.width - Self.right, up(power)), "class=\"grid\"")
      guard Int(power).isMultiple(of: 2) else { continue }
      svg.text(power == 0 ? "1" : "1e\(Int(power))", at: (Self.left - 10, up(power) + 4), .end)
    }
    for power in 0...Int(across.range.upperBound) {
      svg.text(
        Quantity.tick(pow(10, Double(power))), at: (across(Double(power)), bottom + 20), .middle)
    }
    svg.text(x, at: (Self.width - Self.right, bottom + 42), .end, class: "title")
    svg.text(y, at: (Self.left, top - 2), .start, class: "title")
    for (index, curve) in curves.enumerated() {
      let places = curve.points.filter { $0.x > 0 && $0.y > 0 && $0.y.isFinite }
        .map { (x: across(log10($0.x)), y: up(log10($0.y))) }
      svg.polyline(places, "stroke=\"\(Palette.peer(index))\" stroke-width=\"2\"")
      let legend = top + 18 + 24 * Double(index)
      svg.line(
        (Self.width - Self.right + 18, legend), (Self.width - Self.right + 44, legend),
        "stroke=\"\(Palette.peer(index))\" stroke-width=\"3\"")
      svg.text(
        curve.name, at: (Self.width - Self.right + 52, legend + 4), .start, class: "label name")
    }
    return svg.document(width: Self.width, height: height, label: title)
  }

  private func shares(
    _ title: String, _ bars: [(name: String, share: Double, spread: Double)]
  ) -> String {
    let (names, step) = (300.0, 30.0)
    let height = step * Double(bars.count) + 30
    let across = Axis(0...1, from: names, to: Self.width - 80)
    var svg = SVG()
    for tick in stride(from: 0.0, through: 1, by: 0.25) {
      svg.line((across(tick), 0), (across(tick), height - 26), "class=\"grid\"")
      svg.text("\(Int(tick * 100)) %", at: (across(tick), height - 8), .middle)
    }
    for (index, bar) in bars.enumerated() {
      let y = step * Double(index) + 5
      svg.text(bar.name, at: (names - 12, y + 15), .end, class: "label name")
      svg.rectangle(
        x: across(0), y: y, width: across(bar.share) - across(0), height: 20, radius: 3,
        "fill=\"\(Palette.peer(index % 3))\" fill-opacity=\"0.75\"")
      svg.line(
        (across(bar.share - bar.spread), y + 10), (across(bar.share + bar.spread), y + 10),
        "stroke=\"var(--ink)\" stroke-width=\"2\"")
      svg.text(
        "\(Quantity.decimal(100 * bar.share, digits: 1)) %",
        at: (across(bar.share + bar.spread) + 8, y + 15))
    }
    return svg.document(width: Self.width, height: height, label: title)
  }
}
