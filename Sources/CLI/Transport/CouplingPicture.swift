// SPDX-License-Identifier: Apache-2.0

package import FerryOptimalTransport
import Foundation

/// Points of the plane and what moves between them, as one SVG file that needs nothing else.
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

  package var svg: String {
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
    let scale = longest > 0 && longest.isFinite ? (Self.side - 2 * Self.margin) / longest : 1
    let width = max(120, spans[0] * scale + 2 * Self.margin)
    let height = max(120, spans[1] * scale + 2 * Self.margin)
    func place(_ cloud: Points, _ i: Int) -> (x: Double, y: Double) {
      (
        width / 2 + (cloud.coordinates[2 * i] - (lowest[0] + highest[0]) / 2) * scale,
        height / 2 - (cloud.coordinates[2 * i + 1] - (lowest[1] + highest[1]) / 2) * scale
      )
    }
    var picture = SVG()
    picture.rectangle(x: 0, y: 0, width: width, height: height, "fill=\"#ffffff\"")
    let heaviest = entries.first?.mass ?? 1
    for entry in entries.reversed() {
      let share = (entry.mass / heaviest).squareRoot()
      picture.line(
        place(sources, entry.row), place(targets, entry.column),
        "stroke=\"#4a5568\" stroke-width=\"\(SVG.number(0.3 + 1.2 * share))\" "
          + "stroke-opacity=\"\(SVG.number(0.1 + 0.6 * share))\"")
    }
    for (cloud, weights, color) in [
      (sources, masses.rows, "#0072b2"), (targets, masses.columns, "#d55e00"),
    ] {
      let greatest = max(weights.max() ?? 1, .leastNormalMagnitude)
      let radius = max(1.6, min(6, 90 / Double(cloud.count).squareRoot()))
      for i in 0..<cloud.count where weights[i] > 0 {
        picture.circle(
          place(cloud, i), radius: max(0.8, radius * (weights[i] / greatest).squareRoot()),
          "fill=\"\(color)\" fill-opacity=\"0.85\"")
      }
    }
    return picture.file(
      width: width, height: height,
      label: "\(sources.count) sources in blue, \(targets.count) targets in orange, and what moves")
  }
}
