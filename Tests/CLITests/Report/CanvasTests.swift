// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes
import Testing
import ferry

@Suite("Canvas")
struct CanvasTests {
  private static let black = Ink(red: 0, green: 0, blue: 0)

  /// How many pixels of black there are in all.
  private func blackness(_ canvas: Canvas) throws -> Double {
    try canvas.picture.bytes.reduce(0) { $0 + Double(255 - $1) / 255 } / 3
  }

  @Test("a shape darkens as much as its area, wherever it lies and however thin it is")
  func areas() throws {
    var chance = SplitMix64(Seed(3))
    func place() -> (x: Double, y: Double) {
      (.random(in: 40...160, using: &chance), .random(in: 40...160, using: &chance))
    }
    for _ in 0..<60 {
      let (from, to) = (place(), place())
      let (dx, dy) = (to.x - from.x, to.y - from.y)
      let length = (dx * dx + dy * dy).squareRoot()
      guard length > 30 else { continue }
      let width = Double.random(in: 0.3...6, using: &chance)
      var canvas = Canvas(width: 200, height: 200)
      canvas.line(from, to, width: width, Self.black, opacity: 1)
      // Round ends, and edges that are smoothed over a pixel.
      let ends = 0.8 * max(width, 1) * max(width, 1) * min(width, 1)
      let drawn = try blackness(canvas)
      #expect(abs(drawn - ends - length * width) < 0.08 * length * width, "\(width), \(length)")
    }
    for radius in [0.8, 2, 5.5, 20] {
      var canvas = Canvas(width: 200, height: 200)
      canvas.disc(place(), radius: radius, Self.black, opacity: 1)
      let area = Double.pi * radius * radius
      #expect(abs(try blackness(canvas) - area) < 0.15 * area + 0.3, "\(radius)")
    }
  }

  @Test("opacity mixes a color with what was there; what lies outside is left out")
  func mixing() throws {
    var canvas = Canvas(width: 9, height: 9)
    canvas.disc((4.5, 4.5), radius: 3, Ink(red: 100, green: 0, blue: 255), opacity: 0.5)
    let at = 3 * (4 * 9 + 4)
    #expect(try canvas.picture.bytes[at..<at + 3] == [178, 128, 255])
    let before = try canvas.picture
    canvas.disc((-50, 4), radius: 10, Self.black, opacity: 1)
    canvas.line((-20, -20), (-10, 40), width: 3, Self.black, opacity: 1)
    canvas.line((.nan, 3), (5, 5), width: 3, Self.black, opacity: 1)
    #expect(try canvas.picture == before)
  }
}
