// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport

/// Which mixtures of three sources are trained, and at which sizes.
struct MixturePlan: Sendable {
  /// Shares on an even grid of the simplex, `[count][3]`.
  let mixtures: [[Double]]
  /// Two pilots' sizes, and those to predict.
  let sizes: [Int]
  /// How many samples of each class are kept out, for validation and again for the test.
  let heldOut: Int

  init(isSmoke: Bool) {
    let steps = isSmoke ? 2 : 6
    mixtures = (0...steps).flatMap { i in
      (0...steps - i).map { j in
        [i, j, steps - i - j].map { Double($0) / Double(steps) }
      }
    }
    sizes = isSmoke ? [20, 30, 60] : [200, 300, 600, 1_500]
    heldOut = isSmoke ? 3 : 40
  }

  /// The greatest pilot's size.
  var pilot: Int { sizes[1] }

  /// The source of each digit.
  static func source(of digit: Int) -> Int { digit < 4 ? 0 : digit < 7 ? 1 : 2 }
}

/// Samples dealt into three sources, a validation set and a test.
struct MixtureSplit: Sendable {
  /// Each source's samples, in the order in which they are used.
  let sources: [LabeledFeatures]
  let validation: LabeledFeatures
  let test: LabeledFeatures

  init(_ all: LabeledFeatures, plan: MixturePlan, seed: Seed) {
    var random = SplitMix64(seed)
    let order = Array(0..<all.count).shuffled(using: &random)
    var seen = [Int](repeating: 0, count: 10)
    var parts: [[Int]] = Array(repeating: [], count: 5)
    for index in order {
      let label = all.labels[index]
      let place = seen[label] / plan.heldOut
      seen[label] += 1
      parts[place < 2 ? 3 + place : MixturePlan.source(of: label)].append(index)
    }
    sources = parts[..<3].map { all.chosen($0) }
    validation = all.chosen(parts[3])
    test = all.chosen(parts[4])
  }

  /// The distance from mixtures to the validation set, by samples that every source shows.
  func distance(showing count: Int) throws -> MixtureDistance {
    let shown = sources.map { $0.chosen(0..<min(count, $0.count)) }
    var samples = shown[0]
    for more in shown.dropFirst() {
      samples.features += more.features
      samples.labels += more.labels
    }
    return try MixtureDistance(
      LabeledCost(
        samples.points(), labels: samples.labels, validation.points(), labels: validation.labels),
      sourceOf: shown.indices.flatMap { Array(repeating: $0, count: shown[$0].count) })
  }

  /// What a classifier gets right that learned from a mixture; nil where a source has too few samples.
  func accuracy(
    _ mixture: [Double], size: Int, on part: KeyPath<MixtureSplit, LabeledFeatures>
  ) -> Double? {
    // Largest remainders, so that counts add up to the size.
    var counts = mixture.map { Int((Double(size) * $0).rounded(.down)) }
    let order = mixture.indices.sorted {
      Double(size) * mixture[$0] - Double(counts[$0])
        > Double(size) * mixture[$1] - Double(counts[$1])
    }
    for source in order.prefix(size - counts.reduce(0, +)) { counts[source] += 1 }
    guard zip(counts, sources).allSatisfy({ $0 <= $1.count }) else { return nil }
    var samples = LabeledFeatures(features: [], labels: [], dimensions: test.dimensions)
    for (count, source) in zip(counts, sources) {
      samples.features += source.features[..<(count * source.dimensions)]
      samples.labels += source.labels[..<count]
    }
    return self[keyPath: part].accuracy(of: samples.fitted())
  }
}

/// How fits to some mixtures predict others unlike them.
struct UnseenMixtures {
  /// One form's fit.
  struct Fitted {
    let candidate: MixturePredictor.Candidate
    /// The mean error on mixtures whose first share is above 1/2, fitted to the others.
    let error: Double
  }

  let fits: [Fitted]
  /// Of the form that is chosen by runs left out one at a time.
  let byOne: Double
  /// Of the form that is chosen by leaving out those with most of one source.
  let byEdges: Double
  /// Of the fit to shares alone.
  let sharesAlone: Double

  init(_ runs: [PilotRun], forms: [MixturePredictor.Form]) throws {
    let known = runs.filter { $0.mixture[0] <= 0.5 }
    let unknown = runs.filter { $0.mixture[0] > 0.5 }
    func error(_ predictor: MixturePredictor) -> Double {
      unknown.map { abs(predictor($0.mixture, distance: $0.distance) - $0.performance) }.mean
    }
    fits = try forms.map { form in
      let predictor = try MixturePredictor(known, forms: [form], leaving: .one)
      return Fitted(candidate: predictor.chosen, error: error(predictor))
    }
    byOne = try error(MixturePredictor(known, forms: forms, leaving: .one))
    byEdges = try error(MixturePredictor(known, forms: forms, leaving: .edges))
    sharesAlone = try error(MixturePredictor(known, forms: [.mixture], leaving: .one))
  }
}

extension [Double] {
  /// The mean.
  var mean: Double { reduce(0, +) / Double(count) }
}

extension Array where Element: Sendable {
  /// Each element's image, worked out on all cores; the first error in their order is thrown.
  func parallel<Image: Sendable>(
    _ body: @Sendable (Element) throws -> Image
  ) throws -> [Image] {
    let found = ResultSlots<Result<Image, any Error>>(count)
    Threads.cores.forEach(count) { k in found[k] = Result { try body(self[k]) } }
    return try indices.map { try found[$0]!.get() }
  }
}
