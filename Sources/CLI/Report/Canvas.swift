// SPDX-License-Identifier: Apache-2.0

package import FerryRecipes

/// A color, each part from 0 to 255.
package struct Ink: Sendable {
  package let red: UInt8
  package let green: UInt8
  package let blue: UInt8

  package init(red: UInt8, green: UInt8, blue: UInt8) {
    (self.red, self.green, self.blue) = (red, green, blue)
  }

  /// `#rrggbb`.
  var hex: String {
    "#"
      + [red, green, blue].map { part in
        String(part, radix: 16).count < 2
          ? "0" + String(part, radix: 16) : String(part, radix: 16)
      }.joined()
  }
}

/// What lines and discs are drawn on, each over those before it; y grows downwards.
package protocol DrawingSurface {
  typealias Place = (x: Double, y: Double)

  /// - Parameter opacity: from 0 to 1.
  mutating func line(_ from: Place, _ to: Place, width: Double, _ ink: Ink, opacity: Double)
  mutating func disc(_ center: Place, radius: Double, _ ink: Ink, opacity: Double)
}

extension SVG: DrawingSurface {
  mutating func line(_ from: Place, _ to: Place, width: Double, _ ink: Ink, opacity: Double) {
    line(
      from, to,
      "stroke=\"\(ink.hex)\" stroke-width=\"\(Self.number(width))\" "
        + "stroke-opacity=\"\(Self.number(opacity))\"")
  }

  mutating func disc(_ center: Place, radius: Double, _ ink: Ink, opacity: Double) {
    circle(
      center, radius: radius, "fill=\"\(ink.hex)\" fill-opacity=\"\(opacity)\"")
  }
}

/// A white picture that is drawn on; a pixel takes as much of a color as the shape covers of it.
package struct Canvas: DrawingSurface {
  private let width: Int
  private let height: Int
  /// `[height, width, 3]`, each from 0 to 255.
  private var parts: [Float]

  package init(width: Int, height: Int) {
    precondition(width > 0 && height > 0, "\(width) × \(height) pixels")
    self.width = width
    self.height = height
    parts = Array(repeating: 255, count: 3 * width * height)
  }

  package mutating func line(
    _ from: Place, _ to: Place, width thickness: Double, _ ink: Ink, opacity: Double
  ) {
    let (dx, dy) = (to.x - from.x, to.y - from.y)
    let length = (dx * dx + dy * dy).squareRoot()
    guard length > 0, length.isFinite else { return }
    let isFlat = abs(dx) >= abs(dy)
    let reach = thickness / 2 + 1
    // Along the longer way, a few pixels to both sides.
    let (start, end) =
      isFlat ? (min(from.x, to.x), max(from.x, to.x)) : (min(from.y, to.y), max(from.y, to.y))
    let slope = isFlat ? dy / dx : dx / dy
    let across = reach * length / max(abs(dx), abs(dy))
    for step in clamped(start - reach, end + reach, isFlat ? width : height) {
      let along = Double(step) + 0.5
      let middle = isFlat ? from.y + (along - from.x) * slope : from.x + (along - from.y) * slope
      for side in clamped(middle - across, middle + across, isFlat ? height : width) {
        let aside = Double(side) + 0.5
        let (x, y) = isFlat ? (along, aside) : (aside, along)
        // How far along the line, and from its nearest point.
        let share = max(0, min(1, ((x - from.x) * dx + (y - from.y) * dy) / (length * length)))
        let (ex, ey) = (x - from.x - share * dx, y - from.y - share * dy)
        let away = (ex * ex + ey * ey).squareRoot()
        // A line thinner than a pixel covers that share of it.
        let covered = min(thickness, 1) * max(0, min(1, max(thickness, 1) / 2 + 0.5 - away))
        blend(Int(x), Int(y), ink, opacity * covered)
      }
    }
  }

  package mutating func disc(_ center: Place, radius: Double, _ ink: Ink, opacity: Double) {
    guard radius > 0, radius.isFinite else { return }
    for y in clamped(center.y - radius - 1, center.y + radius + 1, height) {
      for x in clamped(center.x - radius - 1, center.x + radius + 1, width) {
        let (ex, ey) = (Double(x) + 0.5 - center.x, Double(y) + 0.5 - center.y)
        let away = (ex * ex + ey * ey).squareRoot()
        blend(x, y, ink, opacity * max(0, min(1, radius + 0.5 - away)))
      }
    }
  }

  /// The pixels from one place to another that the picture has.
  private func clamped(_ from: Double, _ to: Double, _ count: Int) -> Range<Int> {
    guard from.isFinite, to.isFinite, from <= to else { return 0..<0 }
    let first = Int(max(0, min(Double(count), from.rounded(.down))))
    let last = Int(max(0, min(Double(count), to.rounded(.up))))
    return first..<max(first, last)
  }

  private mutating func blend(_ x: Int, _ y: Int, _ ink: Ink, _ share: Double) {
    guard share > 0 else { return }
    let share = Float(share)
    let at = 3 * (y * width + x)
    for (k, part) in [ink.red, ink.green, ink.blue].enumerated() {
      parts[at + k] += share * (Float(part) - parts[at + k])
    }
  }

  /// What was drawn.
  package var picture: Picture {
    get throws {
      try Picture(
        width: width, height: height, bytes: parts.map { UInt8(max(0, min(255, $0.rounded()))) })
    }
  }
}
