// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import FerryOptimalTransport

/// Pictures of digits less the mean document.
struct CenteredDigits {
  let documents: [Float]
  let queries: [Float]
  let documentLabels: [Int]
  let queryLabels: [Int]
  let width: Int
  /// The root of the mean square of a document's length.
  let length: Double

  init(_ data: ProductQuantization.Vectors) {
    let documents = data.images.chosen(data.documentPictures)
    let queries = data.images.chosen(data.queryPictures)
    let d = documents.dimensions
    var mean = [Double](repeating: 0, count: d)
    for (at, pixel) in documents.features.enumerated() {
      mean[at % d] += pixel / Double(documents.count)
    }
    func centered(_ images: LabeledImages) -> [Float] {
      images.features.enumerated().map { Float($1 - mean[$0 % d]) }
    }
    self.documents = centered(documents)
    self.queries = centered(queries)
    length =
      (self.documents.reduce(0) { $0 + Double($1 * $1) } / Double(documents.count)).squareRoot()
    (documentLabels, queryLabels, width) = (documents.labels, queries.labels, d)
  }

  /// Some documents, `[count, width]`, and which of them show the same digit, `[count, count]`.
  func batch(_ chosen: ArraySlice<Int>) throws -> (x: Tensor, same: Tensor) {
    let x = chosen.flatMap { documents[$0 * width..<($0 + 1) * width] }
    let n = chosen.count
    var same = [Float](repeating: 0, count: n * n)
    for (i, one) in chosen.enumerated() {
      for (j, other) in chosen.enumerated() where i != j {
        same[i * n + j] = documentLabels[one] == documentLabels[other] ? 1 : 0
      }
    }
    return (try Tensor(x, shape: [n, width]), try Tensor(same, shape: [n, n]))
  }
}

/// A linear encoder, and codewords for what it gives.
struct JointCodes: ParameterTree {
  private typealias Joint = ProductQuantization.Joint

  private var encoder: Linear
  private var layer: CodebookLayer

  /// An encoder by chance, and codewords about one document in each part.
  init(startingFrom digits: CenteredDigits, key: RandomKey) throws {
    let (d, words) = (Joint.dimensions, ProductQuantization.codewords)
    let width = d / Joint.parts
    // Coordinates of about 1.
    encoder = try Linear(
      digits.width, d, bias: false, deviation: Float(1 / digits.length), key: key.derived("encoder")
    )
    let vectors = try encoder(
      Tensor(digits.documents, shape: [digits.documentLabels.count, digits.width])
    ).floats()
    var chance = SplitMix64(key.seed.derived("codewords"))
    var first: [Float] = []
    for part in 0..<Joint.parts {
      let document = Int.random(in: 0..<digits.documentLabels.count, using: &chance)
      for _ in 0..<words {
        for k in 0..<width {
          let away = Joint.neighborhood * chance.normal()
          first.append(vectors[document * d + part * width + k] + Float(away))
        }
      }
    }
    layer = try CodebookLayer(Tensor(first, shape: [Joint.parts, words, width]))
  }

  mutating func visit(_ visitor: inout ParameterVisitor) throws(LearningError) {
    try visitor.part("encoder", &encoder)
    try visitor.part("layer", &layer)
  }

  /// Each document of a batch asks for the others of its digit: the mean of their negated log shares
  /// among all others, queries as the encoder gives them, documents coded.
  private func loss(
    _ x: Tensor, same: Tensor, itself: Tensor, _ assignment: CodeAssignment
  ) throws -> Tensor {
    let vectors = try encoder(x)
    let coded = try layer(vectors, assigning: assignment)
    let scores = try vectors.matmul(coded.vectors.transposed()) - itself * 1e9
    let shares = try scores - scores.logSumExp([1], keepingAxes: true)
    let wanted = try same / same.sum([1], keepingAxes: true).maximum(1)
    let contrast = try -(shares * wanted).sum() / Float(x.shape[0])
    let error = try (coded.chosen - vectors).square().sum() / Float(x.shape[0])
    return try contrast + error * Joint.errorWeight
  }

  mutating func train(
    _ digits: CenteredDigits, _ assignment: CodeAssignment, steps: Int, key: RandomKey
  ) throws {
    var chance = SplitMix64(key.seed.derived("order"))
    let options = AdamW.Options(beta2: 0.999, weightDecay: 0)
    var (slow, fast) = (AdamW(options), AdamW(options))
    let batch = min(Joint.batch, digits.documentLabels.count)
    var diagonal = [Float](repeating: 0, count: batch * batch)
    for i in 0..<batch { diagonal[i * batch + i] = 1 }
    let itself = try Tensor(diagonal, shape: [batch, batch])
    var order: ArraySlice<Int> = []
    for _ in 0..<steps {
      if order.count < batch {
        order = (0..<digits.documentLabels.count).shuffled(using: &chance)[...]
      }
      let (x, same) = try digits.batch(order.prefix(batch))
      order = order.dropFirst(batch)
      let found = try valueAndGradient(at: self) {
        try $0.loss(x, same: same, itself: itself, assignment)
      }
      var weights = [encoder.weight]
      var codewords = [layer.codebooks]
      try slow.step(
        &weights, gradients: [found.gradient.encoder.weight], learningRate: Joint.rates.encoder,
        gradientScale: 1)
      try fast.step(
        &codewords, gradients: [found.gradient.layer.codebooks],
        learningRate: Joint.rates.codewords, gradientScale: 1)
      try Tensor.evaluate(weights + codewords)
      (encoder.weight, layer.codebooks) = (weights[0], codewords[0])
    }
  }

  /// Documents are coded by nearest codewords, as an index does it.
  func judge(on digits: CenteredDigits, into score: inout ProductQuantization.Joint.Score) throws {
    let d = Joint.dimensions
    func vectors(_ pixels: [Float]) throws -> [Float] {
      try encoder(Tensor(pixels, shape: [pixels.count / digits.width, digits.width])).floats()
    }
    let documents = try Points(floats: vectors(digits.documents), dimensions: d)
    let queries = try Points(floats: vectors(digits.queries), dimensions: d)
    let quantizer = try layer.quantizer()
    let codes = try quantizer.codes(of: documents)
    let wanted = ProductQuantization.wanted
    for (query, label) in digits.queryLabels.enumerated() {
      let own = Array(queries[query])
      let found = try quantizer.search(own, in: codes, count: wanted, by: .product)
      score.precision.add(
        Double(found.count { digits.documentLabels[$0.index] == label }) / Double(wanted))
    }
    let usage = CodeUsage(codes, parts: quantizer.parts, codewords: quantizer.codewords)
    score.bits.add(usage.bits)
    score.distinct.add(usage.distinct)
  }
}
