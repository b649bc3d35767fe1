// SPDX-License-Identifier: Apache-2.0

import FerryOptimalTransport
import FerryTensors
import Foundation
import Testing
import ferry

@Suite("Files and pictures of couplings")
struct CouplingFileTests {
  private let sources: Points
  private let targets: Points
  private let problem: LinearProblem

  init() throws {
    sources = try Points([0, 0, 1, 0, 0, 1], dimensions: 2)
    targets = try Points([2, 0, 3, 0], dimensions: 2)
    problem = try LinearProblem(
      PointCloud(sources, targets), rowMasses: [0.5, 0.25, 0.25])
  }

  private func written(_ coupling: Coupling, _ form: String) throws -> String {
    let path = FileManager.default.temporaryDirectory.appending(
      path: "ferry-coupling-\(UUID().uuidString).\(form)"
    ).path
    try CouplingFile(path: path).write(coupling, to: path)
    return path
  }

  @Test("csv holds what moves, npy every entry; both have the masses as marginals")
  func marginals() throws {
    for solution in [
      try ExactTransport().solve(problem),
      try Sinkhorn(.epsilon(1), tolerance: 1e-12).solve(problem),
    ] {
      let whole = try NumbersFile.read(written(solution.coupling, "npy"))
      #expect(whole.rows == 3 && whole.columns == 2)
      let lines = try NumbersFile.read(written(solution.coupling, "csv"))
      #expect(lines.columns == 3)
      var sums = [0.0, 0, 0]
      for line in 0..<lines.rows {
        let (i, j) = (Int(lines.values[3 * line]), Int(lines.values[3 * line + 1]))
        #expect(lines.values[3 * line + 2] == whole.values[2 * i + j])
        sums[i] += lines.values[3 * line + 2]
      }
      for (sum, mass) in zip(sums, problem.rowMasses) { #expect(abs(sum - mass) < 1e-9) }
    }
    let exact = try NumbersFile.read(written(ExactTransport().solve(problem).coupling, "csv"))
    #expect((3...4).contains(exact.rows), "a basis has at most rows and columns less one")
  }

  @Test("another name is refused, with what to do")
  func names() {
    let error = #expect(throws: CLIError.self) { try CouplingFile(path: "coupling.txt") }
    #expect(
      error?.what == "a coupling is written as .npy or .csv"
        && error?.remedy
          == "End the name with .npy for every entry, or with .csv for those that have mass."
    )
  }

  @Test("a picture has all points, and a line for each entry; nothing in it is no number")
  func picture() throws {
    let solution = try ExactTransport().solve(problem)
    let svg = try CouplingPicture(
      sources, targets, problem: problem, coupling: solution.coupling
    ).svg
    #expect(svg.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\" width="))
    #expect(svg.split(separator: "<circle ").count - 1 == 5)
    let entries = try NumbersFile.read(written(solution.coupling, "csv")).rows
    #expect(svg.split(separator: "<line ").count - 1 == entries)
    #expect(!svg.lowercased().contains("nan") && !svg.contains("inf\""))
  }

  @Test("the same as pixels: as large, its points in their colors")
  func pixels() throws {
    let solution = try ExactTransport().solve(problem)
    let picture = try CouplingPicture(
      sources, targets, problem: problem, coupling: solution.coupling)
    let png = try picture.png
    // Width and height stand in the header as big-endian words.
    let size = [png[16..<20], png[20..<24]].map { $0.reduce(0) { $0 << 8 | Int($1) } }
    #expect(picture.svg.contains("width=\"\(size[0])\" height=\"\(size[1])\""), "\(size)")
    #expect(png.count > 3 * size[0] * size[1])
    // The pixels, behind headers of a stored block each: the points' colors over white.
    for color: [UInt8] in [[38, 135, 190], [219, 118, 38]] {
      #expect(png.indices.dropLast(2).contains { Array(png[$0..<$0 + 3]) == color }, "\(color)")
    }
  }

  @Test("one point on another is drawn, too")
  func onePoint() throws {
    let point = try Points([3, 3], dimensions: 2)
    let one = try LinearProblem(PointCloud(point, point))
    let svg = try CouplingPicture(
      point, point, problem: one, coupling: ExactTransport().solve(one).coupling
    ).svg
    #expect(svg.split(separator: "<circle ").count - 1 == 2)
    #expect(!svg.lowercased().contains("nan"))
  }

  @Test("points of space are not drawn")
  func space() throws {
    let points = try Points([1, 2, 3], dimensions: 3)
    let error = #expect(throws: CLIError.self) { try CouplingPicture.requirePlane(points) }
    #expect(
      error?.code == .notDrawable && error?.what == "the points have 3 dimensions"
        && error?.remedy == "Pictures are of points of 2 dimensions; leave --plot out.")
  }
}
