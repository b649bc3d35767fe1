// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import FerryTensors
import Foundation
import Testing

/// Seconds on the inputs that `Tools/bench/transport_problems.py` wrote, beside other libraries' there.
@Suite("ProblemPeers", .serialized)
struct ProblemPeers {
  struct Case: Decodable {
    let name: String
    let file: String
  }

  private static let folder = ProcessInfo.processInfo.environment["FERRY_TRANSPORT_FOLDER"]

  private struct Arrays {
    let folder: String
    let file: String

    func numbers(_ key: String) throws -> (shape: [Int], values: [Double]) {
      let tensor = try Npy.read("\(folder)/\(file)-\(key).npy")
      let values: [Double] = try tensor.values()
      return (tensor.shape.dimensions, values)
    }

    func points(_ key: String) throws -> Points {
      let (shape, values) = try numbers(key)
      return try Points(values, dimensions: shape[1])
    }
  }

  private func report(_ name: String, _ solve: () throws -> Double) rethrows {
    var seconds: [Double] = []
    var reached = 0.0
    while seconds.count < 5, seconds.reduce(0, +) < 15 {
      let start = ContinuousClock.now
      reached = try solve()
      seconds.append((ContinuousClock.now - start) / .seconds(1))
    }
    print(
      #"{"case":"\#(name)","seconds":\#(seconds.sorted()[seconds.count / 2]),"reached":\#(reached)}"#
    )
  }

  @Test("the cases of the folder")
  func all() throws {
    guard let folder = Self.folder else { return }
    let data = try Data(contentsOf: URL(filePath: "\(folder)/cases.json"))
    for one in try JSONDecoder().decode([Case].self, from: data) {
      try run(one, Arrays(folder: folder, file: one.file))
    }
  }

  private func run(_ one: Case, _ arrays: Arrays) throws {
    switch one.name.prefix(while: { $0 != " " }) {
    case "assignment":
      let cloud = try PointCloud(arrays.points("x"), arrays.points("y"))
      try report(one.name) { try Assignment().solve(LinearProblem(cloud)).transportCost }
    case "simplex":
      let problem = try LinearProblem(
        PointCloud(arrays.points("x"), arrays.points("y")),
        rowMasses: arrays.numbers("a").values, columnMasses: arrays.numbers("b").values)
      try report(one.name) { try NetworkSimplex().solve(problem).transportCost }
    case "partial":
      let cloud = try PointCloud(arrays.points("x"), arrays.points("y"))
      let (a, b) = (try arrays.numbers("a").values, try arrays.numbers("b").values)
      try report(one.name) {
        try PartialTransport(mass: 0.5).solve(cloud, rowMasses: a, columnMasses: b).transportCost
      }
    case "line":
      let (x, y) = (try arrays.numbers("x").values, try arrays.numbers("y").values)
      try report(one.name) { try OneDimensional().cost(x, y) }
    case "circle":
      let (x, y) = (try arrays.numbers("x").values, try arrays.numbers("y").values)
      try report(one.name) { try Circle(length: 1).solve(x, y).cost }
    case "sliced":
      let (x, y) = (try arrays.points("x"), try arrays.points("y"))
      try report(one.name) { try Sliced(directions: 500)(x, y).cost }
    case "gromov":
      let (x, y) = (try arrays.points("x"), try arrays.points("y"))
      let problem = try QuadraticProblem(
        rowDistances: allCosts(PointCloud(x, x, cost: .euclidean)),
        columnDistances: allCosts(PointCloud(y, y, cost: .euclidean)))
      try report(one.name) { try GromovWasserstein().solve(problem).cost }
    case "barycenter":
      let (shape, values) = try arrays.numbers("pictures")
      let size = shape[1] * shape[2]
      let pictures = (0..<shape[0]).map { Array(values[$0 * size..<($0 + 1) * size]) }
      try report(one.name) {
        try FixedSupportBarycenter(epsilon: 0.004, tolerance: 1e-4).solve(
          pictures: pictures, rows: shape[1], columns: shape[2]
        ).masses.max()!
      }
    default: Issue.record("no such case: \(one.name)")
    }
  }
}
