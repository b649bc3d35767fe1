// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport

/// Labeled samples as rows of features.
struct LabeledFeatures: Sendable {
  /// `[n, d]`.
  var features: [Double]
  /// `[n]`, from 0.
  var labels: [Int]
  /// How many features a sample has.
  let dimensions: Int

  /// How many samples there are.
  var count: Int { labels.count }

  /// Some of them, in this order.
  func chosen(_ indices: some Sequence<Int>) -> LabeledFeatures {
    var part = LabeledFeatures(features: [], labels: [], dimensions: dimensions)
    for index in indices {
      part.features += features[index * dimensions..<(index + 1) * dimensions]
      part.labels.append(labels[index])
    }
    return part
  }

  /// All of them as points.
  func points() throws(TransportError) -> Points { try Points(features, dimensions: dimensions) }

  /// A classifier of ten classes, fitted to them.
  func fitted() -> LogisticRegression {
    LogisticRegression(features, labels: labels, dimensions: dimensions, classes: 10)
  }

  /// The accuracy of a classifier on them.
  func accuracy(of learner: LogisticRegression) -> Double {
    learner.accuracy(features, labels: labels)
  }
}

extension LabeledImages {
  /// Pictures as their principal components, found without labels.
  func components(_ count: Int, using random: inout SplitMix64) -> LabeledFeatures {
    let components = LeadingSpace(
      features, dimensions: dimensions, count: count, using: &random)
    return LabeledFeatures(features: components(features), labels: labels, dimensions: count)
  }
}
