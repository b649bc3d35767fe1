// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation

/// How well clusters agree with classes, whatever the clusters are called.
package struct ClusterAgreement: Sendable {
  /// The share of samples whose cluster is the one that the best matching gives their class.
  package let accuracy: Double
  /// Mutual information over the mean of both entropies, from 0 to 1.
  package let information: Double

  /// - Parameters:
  ///   - clusters: from 0 to below `count`, as many as classes.
  package init(_ clusters: [Int], classes: [Int], count: Int) throws {
    let n = Double(classes.count)
    var table = [Double](repeating: 0, count: count * count)
    for (own, cluster) in zip(classes, clusters) { table[own * count + cluster] += 1 }
    let matching = try Assignment(threads: .one).solve(
      LinearProblem(DenseCost(table.map { -$0 }, rows: count, columns: count)))
    accuracy = -Double(count) * matching.transportCost / n
    let rows = (0..<count).map { k in table[k * count..<(k + 1) * count].reduce(0, +) / n }
    let columns = (0..<count).map { k in
      stride(from: k, to: count * count, by: count).reduce(0) { $0 + table[$1] } / n
    }
    func entropy(_ shares: [Double]) -> Double {
      shares.reduce(0) { $0 - ($1 > 0 ? $1 * log($1) : 0) }
    }
    var mutual = 0.0
    for at in table.indices where table[at] > 0 {
      let share = table[at] / n
      mutual += share * log(share / (rows[at / count] * columns[at % count]))
    }
    let both = (entropy(rows) + entropy(columns)) / 2
    information = both > 0 ? mutual / both : 1
  }
}
