// SPDX-License-Identifier: Apache-2.0

package import FerryOptimalTransport
import Foundation

/// Points of the plane and what moves between them.
package struct CouplingPicture: Sendable {
  private let sources: Points
  private let targets: Points
  private let masses: (rows: [Double], columns: [Double])
  private let entries: [CouplingFile.Entry]

  /// More lines than this are no picture: the heaviest are drawn.
  package static let linesMax = 5_000

  /// - Throws: `.notDrawable` for points that are not of the plane.
  package init(
    _ sources: Points, _ targets: Points, problem: LinearProblem, coupling: Coupling
  ) throws(CLIError) {
    try Self.requirePlane(sources)
    self.sources = sources
    self.targets = targets
    masses = (problem.rowMasses, problem.columnMasses)
    // What is thinner than a thousandth of the heaviest line is not seen.
    let all = try CouplingFile.entries(of: coupling)
    let heaviest = all.reduce(0) { max($0, $1.mass) }
    entries = Array(
      all.filter { $0.mass > heaviest / 1000 }
        .sorted { ($0.mass, $1.row, $1.column) > ($1.mass, $0.row, $0.column) }
        .prefix(Self.linesMax))
  }

  /// - Throws: `.notDrawable` for points that are not of the plane.
  package static func requirePlane(_ points: Points) throws(CLIError) {
    guard points.dimensions == 2 else {
      throw CLIError(
        .notDrawable, what: "the points have \(points.dimensions) dimensions", place: "--plot",
        remedy: "Pictures are of points of 2 dimensions; leave --plot out.")
    }
  }

  private static let side = 720.0
  private static let margin = 24.0
  private static let lineInk = Ink(red: 0x4a, green: 0x55, blue: 0x68)
  private static let sourceInk = Ink(red: 0x00, green: 0x72, blue: 0xb2)
  private static let targetInk = Ink(red: 0xd5, green: 0x5e, blue: 0x00)

  /// One SVG file that needs nothing else.
  package var svg: String {
    let frame = Frame(sources, targets)
    var picture = SVG()
    picture.rectangle(x: 0, y: 0, width: frame.width, height: frame.height, "fill=\"#ffffff\"")
    draw(on: &picture, in: frame)
    return picture.file(
      width: frame.width, height: frame.height,
      label: "\(sources.count) sources in blue, \(targets.count) targets in orange, and what moves")
  }

  /// The same as the bytes of a PNG file.
  package var png: [UInt8] {
    get throws {
      let frame = Frame(sources, targets)
      var canvas = Canvas(
        width: Int(frame.width.rounded(.up)), height: Int(frame.height.rounded(.up)))
      draw(on: &canvas, in: frame)
      return PNGFile.encode(try canvas.picture)
    }
  }

  /// Writes it as the path's ending says: .png, or else .svg.
  package func write(to path: String) throws {
    try BoundedFile.write(
      path.lowercased().hasSuffix(".png") ? png : Array(svg.utf8), to: path)
  }

  private func draw(on surface: inout some DrawingSurface, in frame: Frame) {
    let heaviest = entries.first?.mass ?? 1
    for entry in entries.reversed() {
      let share = (entry.mass / heaviest).squareRoot()
      surface.line(
        frame.place(sources, entry.row), frame.place(targets, entry.column),
        width: 0.3 + 1.2 * share, Self.lineInk, opacity: 0.1 + 0.6 * share)
    }
    for (cloud, weights, ink) in [
      (sources, masses.rows, Self.sourceInk), (targets, masses.columns, Self.targetInk),
    ] {
      let greatest = max(weights.max() ?? 1, .leastNormalMagnitude)
      let radius = max(1.6, min(6, 90 / Double(cloud.count).squareRoot()))
      for i in 0..<cloud.count where weights[i] > 0 {
        surface.disc(
          frame.place(cloud, i),
          radius: max(0.8, radius * (weights[i] / greatest).squareRoot()), ink, opacity: 0.85)
      }
    }
  }

  /// Where points lie in the picture.
  private struct Frame {
    let width: Double
    let height: Double
    private let scale: Double
    private let middle: (x: Double, y: Double)

    init(_ sources: Points, _ targets: Points) {
      var lowest = [Double.infinity, .infinity]
      var highest = [-Double.infinity, -.infinity]
      for cloud in [sources, targets] {
        for i in cloud.coordinates.indices {
          lowest[i % 2] = min(lowest[i % 2], cloud.coordinates[i])
          highest[i % 2] = max(highest[i % 2], cloud.coordinates[i])
        }
      }
      let spans = [highest[0] - lowest[0], highest[1] - lowest[1]]
      let longest = max(spans[0], spans[1])
      // One scale for both axes: distances are seen as they are.
      scale =
        longest > 0 && longest.isFinite
        ? (CouplingPicture.side - 2 * CouplingPicture.margin) / longest : 1
      width = max(120, spans[0] * scale + 2 * CouplingPicture.margin)
      height = max(120, spans[1] * scale + 2 * CouplingPicture.margin)
      middle = ((lowest[0] + highest[0]) / 2, (lowest[1] + highest[1]) / 2)
    }

    func place(_ cloud: Points, _ i: Int) -> (x: Double, y: Double) {
      (
        width / 2 + (cloud.coordinates[2 * i] - middle.x) * scale,
        height / 2 - (cloud.coordinates[2 * i + 1] - middle.y) * scale
      )
    }
  }
}
