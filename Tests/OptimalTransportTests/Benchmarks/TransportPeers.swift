// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import FerryTensors
import Foundation
import Testing

/// Seconds on the inputs that `Tools/bench/transport_peers.py` wrote, beside other libraries' there.
@Suite("TransportPeers", .serialized)
struct TransportPeers {
  struct Case: Decodable {
    let name: String
    let file: String
    let epsilon: Double?
    let tolerance: Double?
    let rho: Double?
  }

  private static let folder = ProcessInfo.processInfo.environment["FERRY_TRANSPORT_FOLDER"]

  private func numbers(_ path: String) throws -> (shape: [Int], values: [Double]) {
    let tensor = try Npy.read(path)
    let values: [Double] = try tensor.values()
    return (tensor.shape.dimensions, values)
  }

  private func geometry(_ folder: String, _ file: String) throws -> any CostGeometry {
    if FileManager.default.fileExists(atPath: "\(folder)/\(file)-x.npy") {
      let x = try numbers("\(folder)/\(file)-x.npy")
      let y = try numbers("\(folder)/\(file)-y.npy")
      return try PointCloud(
        Points(x.values, dimensions: x.shape[1]), Points(y.values, dimensions: y.shape[1]))
    }
    let costs = try numbers("\(folder)/\(file)-costs.npy")
    return try DenseCost(costs.values, rows: costs.shape[0], columns: costs.shape[1])
  }

  private func report(_ name: String, _ solve: () throws -> Double) rethrows {
    var seconds: [Double] = []
    var reached = 0.0
    for _ in 0..<5 {
      let start = ContinuousClock.now
      reached = try solve()
      seconds.append((ContinuousClock.now - start) / .seconds(1))
    }
    print(#"{"case":"\#(name)","seconds":\#(seconds.sorted()[2]),"reached":\#(reached)}"#)
  }

  @Test("the cases of the folder")
  func all() throws {
    guard let folder = Self.folder else { return }
    let data = try Data(contentsOf: URL(filePath: "\(folder)/cases.json"))
    for one in try JSONDecoder().decode([Case].self, from: data) {
      let epsilon = Sinkhorn.Strength.epsilon(one.epsilon ?? 1)
      let tolerance = one.tolerance ?? 1e-6
      let kind = one.name.prefix { $0 != " " }
      if kind == "batch" || kind == "exact" {
        let costs = try numbers("\(folder)/\(one.file)-costs.npy")
        let size = costs.shape[1] * costs.shape[2]
        let problems = try (0..<costs.shape[0]).map { k in
          try LinearProblem(
            DenseCost(
              Array(costs.values[k * size..<(k + 1) * size]), rows: costs.shape[1],
              columns: costs.shape[2]))
        }
        try report(one.name) {
          kind == "exact"
            ? try Assignment().solve(all: problems).map(\.certificate.gap).max()!
            : try Sinkhorn(epsilon, tolerance: tolerance).solve(all: problems)
              .map(\.certificate.marginalError).max()!
        }
        continue
      }
      let geometry = try geometry(folder, one.file)
      if kind == "unbalanced" {
        let penalty = MarginalPenalty.kullbackLeibler(one.rho!)
        let problem = try UnbalancedProblem(
          geometry, rowPenalty: penalty, columnPenalty: penalty)
        try report(one.name) {
          try Sinkhorn(epsilon, tolerance: tolerance).solve(problem).certificate.mass
        }
      } else {
        let problem = try LinearProblem(geometry)
        try report(one.name) {
          try Sinkhorn(epsilon, tolerance: tolerance).solve(problem).certificate.marginalError
        }
      }
    }
  }
}
