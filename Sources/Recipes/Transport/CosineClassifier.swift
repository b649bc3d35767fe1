// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
import Foundation

/// Classes by the angle between features and prototypes, trained with all samples at once by Adam
/// (Kingma and Ba 2015).
package struct CosineClassifier: Sendable {
  let classes: Int
  let dimensions: Int
  /// `[classes, dimensions]`, of any length.
  private var prototypes: [Double]
  private var mean: [Double]
  private var square: [Double]
  private var steps = 0

  /// What cosines are multiplied by, as published.
  static let sharpness = 10.0

  /// Prototypes in directions by chance.
  package init(classes: Int, dimensions: Int, using chance: inout SplitMix64) {
    self.classes = classes
    self.dimensions = dimensions
    prototypes = (0..<classes * dimensions).map { _ in chance.normal() }
    mean = Array(repeating: 0, count: prototypes.count)
    square = mean
  }

  /// Each prototype at length 1, and the lengths they had.
  private var directions: (unit: [Double], lengths: [Double]) {
    var unit = prototypes
    let lengths = (0..<classes).map { k in
      let place = k * dimensions..<(k + 1) * dimensions
      let length = prototypes[place].reduce(0) { $0 + $1 * $1 }.squareRoot()
      for at in place { unit[at] /= length }
      return length
    }
    return (unit, lengths)
  }

  /// Chances of the classes, `[n, classes]`, for features of length 1, `[n, dimensions]`.
  package func probabilities(_ features: [Double]) -> [Double] {
    let (unit, _) = directions
    let n = features.count / dimensions
    var out = [Double](repeating: 0, count: n * classes)
    for i in 0..<n {
      for k in 0..<classes {
        var cosine = 0.0
        for t in 0..<dimensions {
          cosine += features[i * dimensions + t] * unit[k * dimensions + t]
        }
        out[i * classes + k] = exp(Self.sharpness * (cosine - 1))
      }
      let sum = out[i * classes..<(i + 1) * classes].reduce(0, +)
      for at in i * classes..<(i + 1) * classes { out[at] /= sum }
    }
    return out
  }

  /// One step against the cross-entropy of soft labels in several views.
  ///
  /// - Parameters:
  ///   - views: features of length 1, their probabilities, and labels whose rows may add up to
  ///     less than 1: each weighs as much as its row.
  package mutating func step(
    _ views: [(features: [Double], probabilities: [Double], labels: [Double])], rate: Double
  ) {
    let (unit, lengths) = directions
    var slope = [Double](repeating: 0, count: prototypes.count)
    for view in views {
      let n = view.features.count / dimensions
      let scale = Self.sharpness / Double(n * views.count)
      for i in 0..<n {
        let row = i * classes..<(i + 1) * classes
        let weight = view.labels[row].reduce(0, +)
        for k in 0..<classes {
          let at = i * classes + k
          let pull = scale * (weight * view.probabilities[at] - view.labels[at])
          for t in 0..<dimensions {
            slope[k * dimensions + t] += pull * view.features[i * dimensions + t]
          }
        }
      }
    }
    steps += 1
    for k in 0..<classes {
      let place = k * dimensions..<(k + 1) * dimensions
      // Only what is across a prototype turns it.
      let along = place.reduce(0) { $0 + slope[$1] * unit[$1] }
      for at in place {
        let own = (slope[at] - along * unit[at]) / lengths[k]
        mean[at] = 0.9 * mean[at] + 0.1 * own
        square[at] = 0.999 * square[at] + 0.001 * own * own
        let top = mean[at] / (1 - pow(0.9, Double(steps)))
        let bottom = (square[at] / (1 - pow(0.999, Double(steps)))).squareRoot()
        prototypes[at] -= rate * top / (bottom + 1e-8)
      }
    }
  }
}
