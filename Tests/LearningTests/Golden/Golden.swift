// SPDX-License-Identifier: Apache-2.0

import FerryLearning
import Foundation
import Testing

/// Numbers written by `Tools/golden/learning.py`.
struct GoldenArray: Codable, Sendable {
  let shape: [Int]
  let values: [Double]

  var tensor: Tensor { get throws { try Tensor(values.map { Float($0) }, shape: shape) } }
  var integers: Tensor {
    get throws { try Tensor(integers: values.map { Int32($0) }, shape: shape) }
  }
}

struct GoldenCase: Codable, Sendable {
  let name: String
  let inputs: [String: GoldenArray]
  let integers: [String: GoldenArray]
  let output: GoldenArray
  let cotangent: GoldenArray
  let gradients: [String: GoldenArray]
}

enum Golden {
  struct Cases: Codable { let cases: [GoldenCase] }

  static func read<Content: Decodable>(_ name: String, as type: Content.Type) throws -> Content {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let file = tests.appending(path: "Golden/Learning/\(name).json")
    return try JSONDecoder().decode(type, from: Data(contentsOf: file))
  }

  /// The largest difference, relative to the largest number expected (at least 1e-3).
  static func distance(_ found: Tensor, _ expected: GoldenArray) throws -> Double {
    #expect(found.shape == expected.shape)
    let numbers = try found.floats()
    guard numbers.count == expected.values.count else { return .infinity }
    guard numbers.allSatisfy(\.isFinite) else { return .infinity }
    let largest = expected.values.reduce(1e-3) { max($0, abs($1)) }
    return zip(numbers, expected.values).reduce(0) { max($0, abs(Double($1.0) - $1.1)) } / largest
  }
}
