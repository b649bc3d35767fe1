// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
public import FerryCodecs
import FerryTensors

/// What an all-reduce makes of the contributions `x_i` with weights `w_i`.
public enum ReduceOperation: UInt8, Sendable, CaseIterable {
  /// `Σ w_i x_i`
  case sum = 0
  /// `Σ w_i x_i / Σ w_i`
  case mean = 1
}

/// What all ranks of a reduction must know alike, and which of them this one is.
public struct Reduction: Sendable {
  /// The most ranks a reduction may have; a ring of more has no bandwidth left for anybody.
  public static let worldMax = 1024

  public let rank: Int
  public let weights: [Double]
  public let codec: any Codec
  public let operation: ReduceOperation
  public let seed: Seed
  /// Elements of a piece; all ranks must use the same.
  public let pieceElements: Int
  /// Put in front of every chunk: the header of whoever carries them, written where it is sent from.
  var chunkPrefix: [UInt8] = []

  /// The ranks with a weight above 0, ascending; only they send contributions.
  let contributors: [Int]
  /// The weight by which values are added as they are.
  private let unit: Double
  /// What the sum is divided by.
  let divisor: Float

  /// - Parameters:
  ///   - rank: this member's place, in `0..<weights.count`.
  ///   - weights: one a rank, finite, ≥ 0, not all 0. A rank of weight 0 sends no contribution,
  ///     its values are never read, and it receives the result like all others.
  ///   - codec: how chunks are encoded. Lossy codecs cost accuracy at each encoding: twice by
  ///     `Direct`, once more a hop by `Ring`.
  ///   - seed: for codecs that round at random; every chunk and rank derives its own from it.
  ///   - pieceElements: at least 1, and at most what fits `Chunk.payloadBytesMax`.
  /// - Throws: `.badGroup` when weights come out of their range or there are too many.
  public init(
    rank: Int, weights: [Double], codec: any Codec, operation: ReduceOperation, seed: Seed,
    pieceElements: Int = 65_536
  ) throws(CollectiveError) {
    precondition(weights.indices.contains(rank), "rank \(rank) among \(weights.count)")
    precondition(
      pieceElements > 0 && codec.byteCount(for: pieceElements) <= Chunk.payloadBytesMax,
      "a piece of \(pieceElements) elements does not fit a chunk")
    func refused(_ what: String) -> CollectiveError {
      CollectiveError(
        .badGroup, what, place: "all-reduce of \(weights.count) ranks",
        remedy: "Each weight must be finite and at least 0, and one must be above 0.")
    }
    guard weights.count <= Self.worldMax else {
      throw CollectiveError(
        .badGroup, "\(weights.count) ranks are more than \(Self.worldMax)", place: "all-reduce",
        remedy: "Split the peers into several groups.")
    }
    for (rank, weight) in weights.enumerated() where !(weight >= 0 && weight.isFinite) {
      throw refused("rank \(rank) has the weight \(weight)")
    }
    let heaviest = weights.max() ?? 0
    guard heaviest > 0 else { throw refused("all weights are 0") }

    self.rank = rank
    self.weights = weights
    self.codec = codec
    self.operation = operation
    self.seed = seed
    self.pieceElements = pieceElements
    contributors = weights.indices.filter { weights[$0] > 0 }
    // Relative to the heaviest weight: with equal weights, the common case, the scale is exactly 1,
    // which costs no pass over the values and no rounding.
    switch operation {
    case .sum:
      unit = 1
      divisor = 1
    case .mean:
      unit = heaviest
      divisor = Float(weights.reduce(0) { $0 + $1 / heaviest })
    }
  }

  /// The number of ranks.
  public var world: Int { weights.count }
  /// Whether this rank's values count.
  var contributes: Bool { weights[rank] > 0 }

  /// The seed of one encoding by this rank.
  func seed(_ phase: Chunk.Phase, _ segment: Int, _ piece: Int) -> Seed {
    seed.derived(
      "chunk", UInt64(phase.rawValue), UInt64(segment), UInt64(piece), UInt64(rank))
  }

  /// What a rank's values are multiplied by before they are added.
  func scale(of rank: Int) -> Float { Float(weights[rank] / unit) }

  /// The place of each rank among the contributors; nil with weight 0.
  var places: [Int?] {
    var places = [Int?](repeating: nil, count: world)
    for (place, rank) in contributors.enumerated() { places[rank] = place }
    return places
  }

  /// `values` times this rank's scale.
  func scaled(_ values: [Float]) -> [Float] {
    guard contributes else { return values }
    var scaled = values
    Arithmetic.scale(&scaled, 0..<scaled.count, by: scale(of: rank))
    return scaled
  }
}

/// One rank's part in an all-reduce: all ranks end with the same bits of the weighted sum or mean.
public protocol AllReduceMachine: CollectiveMachine {
  /// `values` are this rank's contribution; all ranks give the same count, 0 allowed.
  init(_ values: [Float], in reduction: Reduction)

  /// The result, once this rank holds all of it; nil until then.
  var result: [Float]? { get }
}
