// SPDX-License-Identifier: Apache-2.0

import FerryOptimalTransport
import Foundation
import Testing

/// What `Tools/golden/transport_problems.py` wrote.
enum GoldenProblems {
  /// The numbers of one problem, by name.
  static func section(_ name: String) throws -> [String: [Double]] {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Golden/Transport/problems.json")
    let all = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
    let section = try #require(all?[name] as? [String: Any])
    return section.compactMapValues { value in
      (value as? [NSNumber])?.map(\.doubleValue) ?? (value as? NSNumber).map { [$0.doubleValue] }
    }
  }
}

func points(_ coordinates: [Double]?, _ dimensions: Int) throws -> Points {
  try Points(#require(coordinates), dimensions: dimensions)
}

/// The greatest difference of two lists.
func difference(_ x: [Double], _ y: [Double]) -> Double {
  zip(x, y).reduce(x.count == y.count ? 0 : .infinity) { max($0, abs($1.0 - $1.1)) }
}

/// All costs of a geometry, row after row.
func allCosts(_ geometry: any CostGeometry) throws -> [Double] {
  try DenseCost(copying: geometry).costs
}
