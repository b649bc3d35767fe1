// SPDX-License-Identifier: Apache-2.0

/// Writes SVG elements; colors are CSS variables, so that a page in the dark repaints itself.
struct SVG {
  private(set) var body = ""

  enum Anchor: String { case start, middle, end }

  mutating func line(
    _ from: (x: Double, y: Double), _ to: (x: Double, y: Double), _ style: String
  ) {
    element(
      "line",
      "x1=\"\(n(from.x))\" y1=\"\(n(from.y))\" x2=\"\(n(to.x))\" y2=\"\(n(to.y))\" \(style)")
  }

  mutating func rectangle(
    x: Double, y: Double, width: Double, height: Double, radius: Double = 0, title: String? = nil,
    _ style: String
  ) {
    guard width > 0, height > 0 else { return }
    let round = radius > 0 ? " rx=\"\(n(min(radius, width / 2, height / 2)))\"" : ""
    element(
      "rect",
      "x=\"\(n(x))\" y=\"\(n(y))\" width=\"\(n(width))\" height=\"\(n(height))\"\(round) \(style)",
      title: title)
  }

  mutating func circle(
    _ center: (x: Double, y: Double), radius: Double, title: String? = nil, _ style: String
  ) {
    element(
      "circle", "cx=\"\(n(center.x))\" cy=\"\(n(center.y))\" r=\"\(n(radius))\" \(style)",
      title: title)
  }

  /// A path through points; points that are no numbers are left out.
  mutating func polyline(_ points: [(x: Double, y: Double)], _ style: String) {
    let fit = points.filter { $0.x.isFinite && $0.y.isFinite }
    guard fit.count > 1 else { return }
    let path = fit.map { "\(n($0.x)) \(n($0.y))" }.joined(separator: "L")
    element("path", "d=\"M\(path)\" fill=\"none\" \(style)")
  }

  /// A path in SVG's own language.
  mutating func path(_ commands: String, title: String? = nil, _ style: String) {
    element("path", "d=\"\(commands)\" \(style)", title: title)
  }

  mutating func text(
    _ text: String, at point: (x: Double, y: Double), _ anchor: Anchor = .start,
    class name: String = "label", _ style: String = ""
  ) {
    body +=
      "<text x=\"\(n(point.x))\" y=\"\(n(point.y))\" text-anchor=\"\(anchor.rawValue)\" "
      + "class=\"\(name)\"\(style.isEmpty ? "" : " " + style)>\(Self.escape(text))</text>\n"
  }

  mutating func raw(_ text: String) { body += text }

  private mutating func element(_ name: String, _ attributes: String, title: String? = nil) {
    if let title {
      body += "<\(name) \(attributes)><title>\(Self.escape(title))</title></\(name)>\n"
    } else {
      body += "<\(name) \(attributes)/>\n"
    }
  }

  /// The finished picture.
  ///
  /// - Parameter label: what a screen reader says in its place.
  func document(width: Double, height: Double, label: String) -> String {
    "<svg viewBox=\"0 0 \(n(width)) \(n(height))\" role=\"img\" aria-label=\""
      + "\(Self.escape(label))\">\n\(body)</svg>\n"
  }

  /// The finished picture as a file of its own.
  func file(width: Double, height: Double, label: String) -> String {
    let size =
      "xmlns=\"http://www.w3.org/2000/svg\" width=\"\(n(width))\" height=\"\(n(height))\" viewBox"
    return document(width: width, height: height, label: label)
      .replacing("<svg viewBox", with: "<svg \(size)", maxReplacements: 1)
  }

  /// A coordinate, to a tenth: finer than any screen, and short.
  private func n(_ value: Double) -> String { Self.number(value) }

  static func number(_ value: Double) -> String {
    guard value.isFinite else { return "0" }
    let tenths = Int((max(-1e6, min(1e6, value)) * 10).rounded())
    return tenths.isMultiple(of: 10)
      ? "\(tenths / 10)"
      : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
  }

  /// Text that cannot become markup.
  static func escape(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      case "'": out += "&#39;"
      case "\n", "\t": out.unicodeScalars.append(scalar)
      // Other control characters are not allowed in HTML at all.
      case _ where scalar.value < 32 || scalar.value == 127: out += "\u{FFFD}"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }
}
