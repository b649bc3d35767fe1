// SPDX-License-Identifier: Apache-2.0

/// Bits per byte against tokens learnt from: every peer's training loss, the validation of the
/// common parameters, one peer alone, and the entropies that need no learning.
struct LossChart {
  private let record: RunRecord

  init(_ record: RunRecord) { self.record = record }

  private static let width = 1000.0
  private static let height = 420.0
  private static let left = 56.0
  private static let right = 812.0
  private static let top = 18.0
  private static let bottom = 372.0
  /// More points than this on one line cannot be told apart.
  private static let pointsMax = 600

  /// A line with the words at its right end.
  private struct Labelled {
    var name: String
    var value: Double
    var style: String
  }

  /// Nil without a single measured loss.
  var svg: String? {
    let training = record.peers.map { peer in
      (
        peer: peer,
        points: peer.rounds.compactMap { one -> (x: Double, y: Double)? in
          guard let loss = one.value.loss, loss.isFinite else { return nil }
          return (Double(one.value.tokens), loss)
        }
      )
    }
    let curves = [record.validation, record.onePeer, record.dataParallel]
    let all = training.flatMap(\.points) + curves.flatMap { $0.points.map { ($0.tokens, $0.bits) } }
    guard !all.isEmpty else { return nil }

    let references = [record.dataset?.unigramBits, record.dataset?.bigramBits]
      .compactMap(\.self).filter(\.isFinite)
    let lowest = (all.map(\.y) + references).min() ?? 0
    // First rounds start near 8 bits; what matters happens below, so they may leave the picture.
    let reference = references.max() ?? 5
    let highest = min(
      max(all.map(\.y).max() ?? 8, reference + 0.2), max(reference + 0.9, lowest + 1))
    let x = Axis(0...(all.map(\.x).max() ?? 1), from: Self.left, to: Self.right)
    let y = Axis(max(0, lowest - 0.25)...highest, from: Self.bottom, to: Self.top)

    var svg = SVG()
    grid(&svg, x, y)
    svg.raw(
      "<clipPath id=\"loss-area\"><rect x=\"\(SVG.number(Self.left))\" y=\"\(SVG.number(Self.top - 6))\" "
        + "width=\"\(SVG.number(Self.right - Self.left + 8))\" "
        + "height=\"\(SVG.number(Self.bottom - Self.top + 6))\"/></clipPath>\n<g clip-path=\"url(#loss-area)\">\n"
    )
    for (peer, points) in training {
      svg.polyline(
        thin(points).map { (x($0.x), y($0.y)) },
        "stroke=\"\(Palette.peer(peer.index))\" stroke-width=\"1.3\" stroke-opacity=\"0.55\" "
          + "stroke-linejoin=\"round\"")
    }
    draw(record.onePeer, &svg, x, y, "var(--one-peer)", dash: "7 5")
    draw(record.dataParallel, &svg, x, y, "var(--data-parallel)", dash: "2 4")
    draw(record.validation, &svg, x, y, "var(--ink)", dash: nil)
    svg.raw("</g>\n")
    labels(&svg, y)
    return svg.document(
      width: Self.width, height: Self.height,
      label: "Loss in bits per byte against tokens learnt from")
  }

  private func grid(_ svg: inout SVG, _ x: Axis, _ y: Axis) {
    for tick in y.ticks(6) {
      svg.line((Self.left, y(tick)), (Self.right, y(tick)), "class=\"grid\"")
      svg.text(Quantity.decimal(tick, digits: 1), at: (Self.left - 9, y(tick) + 4), .end)
    }
    for tick in x.ticks(6) {
      svg.line((x(tick), Self.bottom), (x(tick), Self.bottom + 5), "class=\"axis\"")
      svg.text(
        Quantity.tick(tick), at: (x(tick), Self.bottom + 20), .middle)
    }
    svg.line((Self.left, Self.bottom), (Self.right, Self.bottom), "class=\"axis\"")
    svg.text(
      "tokens learnt from, all peers together",
      at: ((Self.left + Self.right) / 2, Self.bottom + 41),
      .middle, class: "title")
    svg.text("bits per byte", at: (Self.left, Self.top - 6), .start, class: "title")
    for reference in [record.dataset?.unigramBits, record.dataset?.bigramBits] {
      guard let reference, reference.isFinite, y.range.contains(reference) else { continue }
      svg.line(
        (Self.left, y(reference)), (Self.right, y(reference)),
        "stroke=\"var(--reference)\" stroke-width=\"1.2\" stroke-dasharray=\"1 4\" "
          + "stroke-linecap=\"round\"")
    }
  }

  private func draw(
    _ curve: RunRecord.Curve, _ svg: inout SVG, _ x: Axis, _ y: Axis, _ color: String, dash: String?
  ) {
    let points = thin(curve.points.map { ($0.tokens, $0.bits) }).map { (x: x($0.x), y: y($0.y)) }
    let dashes = dash.map { " stroke-dasharray=\"\($0)\"" } ?? ""
    svg.polyline(
      points,
      "stroke=\"\(color)\" stroke-width=\"\(dash == nil ? "2.6" : "2")\" "
        + "stroke-linejoin=\"round\" stroke-linecap=\"round\"\(dashes)")
    guard dash == nil, points.count <= 60 else { return }
    for (point, value) in zip(points, curve.points) {
      svg.circle(
        point, radius: 3.2,
        title: "\(Quantity.decimal(value.bits, digits: 3)) bits per byte after "
          + "\(Quantity.count(value.tokens)) tokens",
        "fill=\"var(--paper)\" stroke=\"\(color)\" stroke-width=\"2\"")
    }
  }

  /// Names at the right end of their lines, moved apart where they would overlap.
  private func labels(_ svg: inout SVG, _ y: Axis) {
    var lines: [Labelled] = []
    if let set = record.dataset {
      lines.append(
        Labelled(name: "unigram entropy", value: set.unigramBits, style: "--reference-ink"))
      lines.append(
        Labelled(name: "bigram entropy", value: set.bigramBits, style: "--reference-ink"))
    }
    if let last = record.onePeer.last {
      lines.append(Labelled(name: "one peer alone", value: last, style: "--one-peer"))
    }
    if let last = record.dataParallel.last {
      lines.append(Labelled(name: "data-parallel", value: last, style: "--data-parallel"))
    }
    if let last = record.validation.last {
      lines.append(Labelled(name: "validation", value: last, style: "--ink"))
    }
    lines = lines.filter { $0.value.isFinite && y.range.contains($0.value) }
      .sorted { $0.value > $1.value }
    var places = lines.map { y($0.value) }
    for index in places.indices.dropFirst() {
      places[index] = max(places[index], places[index - 1] + 18)
    }
    for (line, place) in zip(lines, places) {
      svg.path(
        "M\(SVG.number(Self.right + 4)) \(SVG.number(y(line.value)))"
          + "L\(SVG.number(Self.right + 12)) \(SVG.number(place))",
        "stroke=\"var(\(line.style))\" fill=\"none\" stroke-width=\"1\"")
      svg.text(
        "\(Quantity.decimal(line.value, digits: 3))  \(line.name)",
        at: (Self.right + 16, place + 4), class: line.style == "--ink" ? "name strong" : "name",
        "style=\"fill:var(\(line.style))\"")
    }
  }

  /// At most `pointsMax` of the points, evenly, with the first and the last.
  private func thin(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    guard points.count > Self.pointsMax else { return points }
    let stride = Double(points.count - 1) / Double(Self.pointsMax - 1)
    return (0..<Self.pointsMax).map { points[Int((Double($0) * stride).rounded())] }
  }
}
