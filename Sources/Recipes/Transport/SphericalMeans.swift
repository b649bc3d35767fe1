// SPDX-License-Identifier: Apache-2.0

import FerryBasics

/// Clusters of directions: k-means with cosines, the best of several starts.
enum SphericalMeans {
  /// The cluster of each feature of length 1, `[n, dimensions]`.
  static func clusters(
    _ features: [Double], dimensions d: Int, count k: Int, starts: Int,
    using chance: inout SplitMix64
  ) -> [Int] {
    let n = features.count / d
    var best: (clusters: [Int], sum: Double) = ([], -.infinity)
    for _ in 0..<starts {
      var centers = Array(0..<n).shuffled(using: &chance).prefix(k).flatMap {
        features[$0 * d..<($0 + 1) * d]
      }
      var clusters = [Int](repeating: -1, count: n)
      var sum = 0.0
      while true {
        sum = 0
        var fresh = clusters
        for i in 0..<n {
          var most = -Double.infinity
          for c in 0..<k {
            var cosine = 0.0
            for t in 0..<d { cosine += features[i * d + t] * centers[c * d + t] }
            if cosine > most { (most, fresh[i]) = (cosine, c) }
          }
          sum += most
        }
        if fresh == clusters { break }
        clusters = fresh
        var sums = [Double](repeating: 0, count: k * d)
        for i in 0..<n {
          for t in 0..<d { sums[clusters[i] * d + t] += features[i * d + t] }
        }
        for c in 0..<k {
          let length = sums[c * d..<(c + 1) * d].reduce(0) { $0 + $1 * $1 }.squareRoot()
          // A cluster that lost all keeps its center.
          guard length > 0 else { continue }
          for t in 0..<d { centers[c * d + t] = sums[c * d + t] / length }
        }
      }
      if sum > best.sum { best = (clusters, sum) }
    }
    return best.clusters
  }
}
