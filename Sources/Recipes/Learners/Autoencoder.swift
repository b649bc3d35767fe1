// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
import FerryLearning

/// Features in a few numbers, from which a network can tell the features again.
package struct Autoencoder: Sendable {
  /// To the few numbers and back, with one hidden layer each way.
  private struct Network: ParameterTree {
    var layers: [Linear]

    init(_ features: Int, _ hidden: Int, _ latents: Int, key: RandomKey) throws(LearningError) {
      let sizes = [features, hidden, latents, hidden, features]
      layers = []
      for k in 0..<4 {
        layers.append(
          try Linear(sizes[k], sizes[k + 1], key: key.derived("layer", UInt64(k))))
      }
    }

    func encoded(_ x: Tensor) throws(LearningError) -> Tensor { try layers[1](layers[0](x).gelu()) }
    func decoded(_ z: Tensor) throws(LearningError) -> Tensor { try layers[3](layers[2](z).gelu()) }

    mutating func visit(_ visitor: inout ParameterVisitor) throws(LearningError) {
      try visitor.parts("layers", &layers)
    }
  }

  /// Features of a sample.
  package let features: Int
  /// Numbers that it is told by.
  package let latents: Int
  /// The mean square of what is not told again, as a share of the features' variance, at the last
  /// tenth of the training.
  package let error: Double
  private let network: Network
  private let mean: [Float]
  private let deviation: [Float]
  /// Latents are shifted and scaled to a mean variance of 1.
  private var shift: [Double]
  private var scale: Double

  /// Trained on samples `[n, features]` by their mean squared error, each feature in deviations.
  package init(
    _ samples: [Double], features: Int, hidden: Int, latents: Int, steps: Int, batch: Int = 256,
    seed: Seed
  ) throws {
    let n = samples.count / features
    let mean = Self.mean(samples, features)
    let deviation = (0..<features).map { k in
      let squares = stride(from: k, to: samples.count, by: features).reduce(0.0) {
        $0 + (samples[$1] - mean[k]) * (samples[$1] - mean[k])
      }
      return squares > 0 ? (squares / Double(n)).squareRoot() : 1
    }
    self.features = features
    self.latents = latents
    self.mean = mean.map { Float($0) }
    self.deviation = deviation.map { Float($0) }
    let inputs = Self.standardized(samples, self.mean, self.deviation)
    var network = try Network(
      features, hidden, latents, key: RandomKey(seed.derived("autoencoder")))
    var optimizer = AdamW(AdamW.Options(beta2: 0.999, weightDecay: 1e-5))
    var chance = SplitMix64(seed.derived("batches"))
    var sum = 0.0
    let tenth = max(1, steps / 10)
    for step in 0..<steps {
      let x = try randomRows(of: inputs, dimensions: features, batch, using: &chance)
      let found = try valueAndGradient(at: network) { network in
        try (network.decoded(network.encoded(x)) - x).square().mean()
      }
      if step >= steps - tenth { sum += Double(try found.value.scalar()) }
      try optimizer.step(
        &network, along: found.gradient,
        rate: 2e-3 * cosineDecay(Double(step) / Double(steps)))
    }
    error = sum / Double(tenth)
    self.network = network
    (shift, scale) = ([Double](repeating: 0, count: latents), 1)
    let raw = try self(samples)
    let middle = Self.mean(raw, latents)
    let variance =
      raw.enumerated().reduce(0.0) {
        $0 + ($1.element - middle[$1.offset % latents])
          * ($1.element - middle[$1.offset % latents])
      } / Double(max(1, raw.count))
    (shift, scale) = (middle, variance > 0 ? variance.squareRoot() : 1)
  }

  /// Samples `[n, features]` as `[n, latents]`.
  package func callAsFunction(_ samples: [Double]) throws -> [Double] {
    guard !samples.isEmpty else { return [] }
    let inputs = try Tensor(
      Self.standardized(samples, mean, deviation),
      shape: [samples.count / features, features])
    return try network.encoded(inputs).floats().enumerated().map {
      (Double($0.element) - shift[$0.offset % latents]) / scale
    }
  }

  /// Samples from their numbers: `[n, latents]` to `[n, features]`.
  package func original(_ places: [Double]) throws -> [Double] {
    let raw = places.enumerated().map { Float($1 * scale + shift[$0 % latents]) }
    return try network.decoded(Tensor(raw, shape: [raw.count / latents, latents])).floats()
      .enumerated().map {
        Double($0.element * deviation[$0.offset % features])
          + Double(mean[$0.offset % features])
      }
  }

  private static func mean(_ rows: [Double], _ d: Int) -> [Double] {
    (0..<d).map { k in
      stride(from: k, to: rows.count, by: d).reduce(0.0) { $0 + rows[$1] }
        / Double(rows.count / d)
    }
  }

  private static func standardized(
    _ samples: [Double], _ mean: [Float], _ deviation: [Float]
  ) -> [Float] {
    samples.enumerated().map {
      (Float($1) - mean[$0 % mean.count]) / deviation[$0 % mean.count]
    }
  }
}
