// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import FerryTensors
import Foundation
import Testing
import ferry

@Suite("Answers of ferry ot select")
struct SelectReportTests {
  private func chosen(_ choice: SelectChoice, unit: Double = 1) throws -> SelectReport {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "ferry-select-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var random = SplitMix64(Seed(1))
    func file(_ name: String, _ centers: [Double]) throws -> String {
      let rows = centers.map { center -> String in
        let wobble = (0..<3).map { _ in Double.random(in: -0.5...0.5, using: &random) }
        return "\(unit * (center + wobble[0])),\(unit * 10 * wobble[1]),\(unit * wobble[2])\n"
      }
      let path = folder.appending(path: name).path
      try rows.joined().write(toFile: path, atomically: true, encoding: .utf8)
      return path
    }
    // Every third of the pool is like the targets.
    let pool = (0..<90).map { $0 % 3 == 0 ? 5.0 : -5 }
    let input = try TransportInput(
      file("pool.csv", pool), file("target.csv", [Double](repeating: 5, count: 8)))
    var report = try choice.report(input)
    let path = folder.appending(path: "rows.npy").path
    try report.write(to: path)
    #expect(report.written == [path])
    // NumPy takes rows by whole numbers only.
    let array = try Npy.read(path)
    #expect(array.elementType == .i64)
    #expect(try array.values(of: Int64.self).map { Int($0) } == report.indices)
    return report
  }

  @Test("by count and by folds, whitened, plain or projected: nearer than chance")
  func choices() throws {
    for features in SelectFeatures.allCases {
      let some = try chosen(SelectChoice(size: .count(10), features: features))
      #expect(some.indices.count == 10 && some.indices.allSatisfy { $0 % 3 == 0 })
      #expect(some.distance < some.random && some.folds == 0)
      // Whitened features have no unit; plain ones that of the files.
      let wide = try chosen(SelectChoice(size: .count(10), features: features), unit: 100)
      let ratio = features == .whitened ? 1.0 : 100
      #expect(abs(wide.distance / some.distance - ratio) < 0.01 * ratio, "\(features)")
      let free = try chosen(SelectChoice(size: .folds(4), features: features))
      #expect(free.indices.allSatisfy { $0 % 3 == 0 } && free.folds == 4)
    }
    let projected = try chosen(SelectChoice(size: .count(10), columns: 2))
    #expect(projected.indices.count == 10)
    let json = String(decoding: try JSONEncoder().encode(projected), as: UTF8.self)
    #expect(json.contains("\"chosen\":10") && !json.contains("indices"))
    #expect(projected.text.hasPrefix("chosen          10 of 90 samples for 8 targets"))
  }
}
