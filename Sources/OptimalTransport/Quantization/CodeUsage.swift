// SPDX-License-Identifier: Apache-2.0

import Foundation

/// How codes make use of their codewords: what few codewords stand for cannot be told apart.
public struct CodeUsage: Sendable, Equatable {
  /// Of each part how many points have each codeword, `[parts][codewords]`.
  public let loads: [[Int]]
  /// The share of points' codes that are distinct, above 0 and at most 1; 1 of no point.
  public let distinct: Double

  /// The usage of codes `[n, parts]`, each below `codewords`.
  public init(_ codes: [UInt8], parts: Int, codewords: Int) {
    precondition(
      parts > 0 && codes.count % parts == 0, "\(codes.count) codes for points of \(parts) parts")
    var loads = [[Int]](repeating: Array(repeating: 0, count: codewords), count: parts)
    for (at, code) in codes.enumerated() { loads[at % parts][Int(code)] += 1 }
    self.loads = loads
    let n = codes.count / parts
    let words = Set((0..<n).map { codes[$0 * parts..<($0 + 1) * parts] })
    distinct = n > 0 ? Double(words.count) / Double(n) : 1
  }

  /// The entropy of a part's codes in bits, the mean of the parts: at most log2 of the codewords, where
  /// all are used equally.
  public var bits: Double {
    let sum = loads.reduce(0.0) { sum, part in
      let all = Double(part.reduce(0, +))
      return part.reduce(sum) { sum, load in
        load > 0 ? sum - Double(load) / all * log2(Double(load) / all) : sum
      }
    }
    return sum / Double(loads.count)
  }

  /// The most points that one codeword has.
  public var loadMost: Int { loads.joined().max() ?? 0 }
}
