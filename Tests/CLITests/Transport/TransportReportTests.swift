// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation
import Testing
import ferry

@Suite("Answers of optimal transport")
struct TransportReportTests {
  private func input(_ x: String, _ y: String, masses: String? = nil) throws -> TransportInput {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "ferry-transport-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func file(_ name: String, _ text: String) throws -> String {
      let path = folder.appending(path: name).path
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      return path
    }
    return try TransportInput(
      file("a.csv", x), file("b.csv", y), rowMasses: masses.map { try file("w.csv", $0) })
  }

  @Test("all methods answer the same problem, each with its proof")
  func methods() throws {
    let input = try input("0,0\n1,0\n0,1\n", "2,0\n3,0\n", masses: "2\n1\n1\n")
    let problem = try input.problem(.squaredEuclidean)
    for method in [
      TransportMethod.exact, .sinkhorn(.epsilon(0.01)), .newton(.epsilon(0.01)),
    ] {
      let solution = try method.solve(problem)
      let report = TransportReport(solution, method: method, dimensions: 2, seconds: 0)
      #expect(abs(report.cost - 5.5) < 1e-3, "\(report.method)")
      #expect(report.isConverged && abs(report.gap) < 1e-4)
      #expect((report.epsilon == nil) == (report.method == "exact"))
      #expect(report.text.contains("marginal error  rows ") && report.text.contains("at least"))
    }
  }

  @Test("distances have their root taken, and agree where they must")
  func distances() throws {
    // One cloud is the other, moved by (3, 4).
    let moved = try input("0,0\n1,0\n0,2\n", "3,4\n4,4\n3,6\n")
    #expect(abs(try DistanceReport(.wasserstein2, of: moved).distance! - 5) < 1e-12)
    #expect(abs(try DistanceReport(.wasserstein1, of: moved).distance! - 5) < 1e-12)
    #expect(abs(try DistanceReport(.gaussian, of: moved).distance! - 5) < 1e-9)
    let sliced = try DistanceReport(.sliced, of: moved, directions: 2_000)
    // The mean of cos² over directions of the plane is a half.
    #expect(abs(sliced.cost - 12.5) < 5 * sliced.uncertainty && sliced.uncertainty < 0.3)
    let divergence = try DistanceReport(
      .sinkhornDivergence, of: moved, strength: .epsilon(0.5))
    #expect(abs(divergence.cost - 25) < 1e-3 && divergence.distance == nil)
    #expect(divergence.epsilon == 0.5)
    let line = try input("0\n1\n", "5\n2\n")
    #expect(try DistanceReport(.wasserstein1, of: line).distance == 3)
  }

  @Test("a straight map of a moved cloud moves new points alike", arguments: MapName.allCases)
  func maps(kind: MapName) throws {
    let moved = try input("0,0\n1,0\n0,2\n1,3\n", "3,4\n4,4\n3,6\n4,7\n")
    var report = MapReport(kind: kind)
    let images = try report.move(
      moved.sources, by: moved, strength: kind == .entropic ? .epsilon(0.01) : nil)
    for (image, target) in zip(images.coordinates, moved.targets.coordinates) {
      #expect(abs(image - target) < 1e-3)
    }
    #expect(report.missed < 1e-5 && abs(report.before - 25) < 1e-9)
    #expect(abs(report.movedCost - 25) < 1e-2)
  }

  @Test("two files must fit each other")
  func shapes() {
    let error = #expect(throws: CLIError.self) { try input("0,0\n", "1\n") }
    #expect(error?.what.hasPrefix("its points have 1 dimensions, those of ") == true)
    #expect(error?.place.hasSuffix("b.csv") == true)
  }

  @Test("masses that are all 0 are refused")
  func noMass() {
    let error = #expect(throws: CLIError.self) { try input("0\n", "1\n", masses: "0\n") }
    #expect(error?.what == "the masses are all 0")
  }

  @Test("numbers are short, and keep their size")
  func short() {
    #expect(TransportReport.short(0) == "0")
    #expect(TransportReport.short(1.2345e-14) == "1.23E-14")
    #expect(TransportReport.short(0.25) == "0.25000")
    #expect(TransportReport.short(123.456) == "123.5")
  }
}
