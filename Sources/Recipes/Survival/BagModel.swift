// SPDX-License-Identifier: Apache-2.0

package import FerryLearning
import FerryOptimalTransport
import Foundation

/// Bags of tiles, each a patient with a time.
struct BagSet: Sendable {
  /// How many numbers a tile is.
  let width: Int
  /// Of each bag its tiles, `[count, width]`.
  var bags: [[Float]] = []
  /// When each bag's event was, or how long it was watched.
  let watched: CensoredTimes

  /// How many tiles a bag has.
  func count(_ bag: Int) -> Int { bags[bag].count / width }

  /// Some bags as one tensor `[bags, tiles, width]`, 0 where a bag has fewer tiles than others.
  func batch(_ indices: [Int]) throws -> (tiles: Tensor, counts: [Int]) {
    let counts = indices.map(count)
    let most = counts.max() ?? 0
    var numbers: [Float] = []
    numbers.reserveCapacity(indices.count * most * width)
    for (index, count) in zip(indices, counts) {
      numbers += bags[index]
      numbers.append(contentsOf: repeatElement(0, count: (most - count) * width))
    }
    return (try Tensor(numbers, shape: [indices.count, most, width]), counts)
  }
}

/// How the tiles of a bag become one vector.
enum Pooling: Sendable, Hashable {
  /// Their mean.
  case mean
  /// The greatest of each coordinate.
  case greatest
  /// Their mean by learned weights (Ilse, Tomczak and Welling 2018).
  case attention
  /// What prototypes receive of a share that grows, or of all from the start.
  case transport(sizePenalty: Double, ramp: Bool, start: PrototypeStart)
}

/// What prototypes are before they learn.
enum PrototypeStart: Sendable, Hashable {
  /// Normal numbers of deviation 1, as published.
  case chance
  /// Means of clusters of tiles, as the encoder gives them at first.
  case clusters
}

/// One linear layer on each tile, a pooling, and a linear risk: the same but for the pooling.
struct BagModel: ParameterTree {
  let pooling: Pooling
  private var encoder: Linear
  private var gates: [Linear] = []
  private var prototypes: [PrototypePooling] = []
  private var mix: [Linear] = []
  private var head: Linear
  private let dropout: Dropout

  /// Features of a tile after the encoder.
  static let hidden = 64
  /// K.
  static let prototypeCount = 8
  /// ε, of the bag's greatest cost; the paper's.
  static let epsilon = 0.1

  init(_ pooling: Pooling, width: Int, key: RandomKey) throws {
    self.pooling = pooling
    let (hidden, k) = (Self.hidden, Self.prototypeCount)
    encoder = try Linear(width, hidden, key: key.derived("encoder"))
    head = try Linear(hidden, 1, bias: false, key: key.derived("head"))
    dropout = try Dropout(0.25)
    switch pooling {
    case .mean, .greatest: break
    case .attention:
      gates = [
        try Linear(hidden, 32, key: key.derived("tanh")),
        try Linear(hidden, 32, key: key.derived("gate")),
        try Linear(32, 1, key: key.derived("weight")),
      ]
    case .transport:
      prototypes = [
        try PrototypePooling(
          prototypes: k, width: hidden, deviation: 1, key: key.derived("prototypes"))
      ]
      mix = [try Linear(k, 1, key: key.derived("mix"))]
    }
  }

  mutating func visit(_ visitor: inout ParameterVisitor) throws(LearningError) {
    try visitor.part("encoder", &encoder)
    try visitor.parts("gates", &gates)
    try visitor.parts("prototypes", &prototypes)
    try visitor.parts("mix", &mix)
    try visitor.part("head", &head)
  }

  /// The solver that shares tiles out, so much of their mass; nil where none are transported.
  func solver(share: Double) -> ProgressivePartial? {
    guard case .transport(let sizePenalty, _, _) = pooling else { return nil }
    return ProgressivePartial(
      share: share, epsilon: Self.epsilon, sizePenalty: sizePenalty, tolerance: 1e-8)
  }

  /// Moves prototypes to the means of clusters of about so many tiles, where they are to begin
  /// there.
  mutating func begin(at set: BagSet, _ bags: [Int], tiles few: Int = 1_000) throws {
    guard case .transport(_, _, .clusters) = pooling else { return }
    let width = set.width
    let whole = bags.flatMap { set.bags[$0] }
    let stride = max(1, whole.count / width / few)
    let chosen = Swift.stride(from: 0, to: whole.count / width, by: stride).flatMap {
      whole[$0 * width..<($0 + 1) * width]
    }
    let tiles = try encoded(Tensor(chosen, shape: [chosen.count / width, width]))
    let means = try ConstrainedKMeans(clusters: Self.prototypeCount, sizes: .free).solve(
      Points(tiles.floats().map(Double.init), dimensions: Self.hidden)
    ).centers
    prototypes[0].prototypes = try Tensor(
      means.coordinates.map { Float($0) }, shape: [Self.prototypeCount, Self.hidden])
  }

  /// What the encoder makes of tiles.
  func encoded(_ tiles: Tensor, key: RandomKey? = nil) throws -> Tensor {
    try dropout(encoder(tiles).maximum(0), key: key)
  }

  /// The logarithm of each bag's hazard but for a constant, `[bags]`.
  ///
  /// - Parameters:
  ///   - share: of the tiles' mass that moves, where it is transported.
  ///   - key: drops features, in training.
  func callAsFunction(
    _ tiles: Tensor, counts: [Int], share: Double = 1, key: RandomKey? = nil
  ) throws -> Tensor {
    let x = try encoded(tiles, key: key)
    let (bags, most) = (counts.count, tiles.shape[1])
    var inside: [Float] = []
    for count in counts { inside += (0..<most).map { $0 < count ? 1 : 0 } }
    let own = try Tensor(inside, shape: [bags, 1, most])
    let vector: Tensor
    switch pooling {
    case .mean:
      vector = try (own / own.sum([-1], keepingAxes: true)).matmul(x)
    case .greatest:
      // What the encoder gives is at least 0, which is what padding is set to.
      vector = try (x * own.transposed([0, 2, 1])).max([1])
    case .attention:
      let scores = try gates[2](gates[0](x).tanh() * gates[1](x).sigmoid())
      let weights = try (scores.transposed([0, 2, 1]) + (own - 1) * 1e9).softmax()
      vector = try weights.matmul(x)
    case .transport(_, let ramp, _):
      let pooled = try prototypes[0](
        x, counts: counts, solver: solver(share: ramp ? share : 1)!)
      vector = try mix[0](pooled.features.transposed([0, 2, 1]))
    }
    return try head(vector.reshaped([bags, Self.hidden])).reshaped([bags])
  }

  /// The costs of tiles and prototypes, `[bags, tiles, K]`; nil where none are transported.
  func costs(_ tiles: Tensor, counts: [Int]) throws -> Tensor? {
    try prototypes.first?.costs(encoded(tiles), counts: counts)
  }
}

extension Tensor {
  /// The negated partial likelihood of risks `[n]` for each event, as Breslow has ties (Cox 1972); 0
  /// where no event was seen.
  package func coxLoss(_ watched: CensoredTimes) throws(LearningError) -> Tensor {
    let n = watched.count
    var later: [Float] = []
    later.reserveCapacity(n * n)
    for time in watched.times { later += watched.times.map { $0 >= time ? 0 : -1e9 } }
    let atRisk = try (reshaped([1, n]) + Tensor(later, shape: [n, n])).logSumExp([1])
    let seen = try Tensor(watched.events.map { $0 ? 1 : 0 })
    return try ((atRisk - self) * seen).sum() / Float(Swift.max(1, watched.eventCount))
  }
}
