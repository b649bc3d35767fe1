// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
public import FerryCodecs
public import FerryTensors

/// What all ranks of a collective must know alike, and which of them this one is.
public struct Reduction: Sendable {
  /// The most ranks a reduction may have; a ring of more has no bandwidth left for anybody.
  public static let worldMax = 1024
  /// The largest weight of whole numbers, and the largest sum of them: what a `Double` counts.
  public static let wholeWeightMax = 1 << 53

  public let rank: Int
  public let weights: [Double]
  public let codec: any Codec
  public let operation: ReduceOperation
  public let elementType: ElementType
  public let seed: Seed
  /// What is known of the links, the same on all ranks.
  public let topology: Topology
  /// Put in front of every chunk: the header of whoever carries them, written where it is sent from.
  var chunkPrefix: [UInt8] = []
  /// Of the result's fingerprint, where it is to be worked out as pieces are finished.
  var fingerprintSeed: Seed?

  /// The ranks with a weight above 0, ascending; only they send contributions.
  let contributors: [Int]
  /// The weight by which values are added as they are.
  private let unit: Double
  /// What the sum is divided by.
  let divisor: Double
  /// Elements of a piece where it is not chosen by the vector's length.
  private let pieceElementsForced: Int?

  /// - Parameters:
  ///   - rank: this member's place, in `0..<weights.count`.
  ///   - weights: one a rank, finite, ≥ 0, not all 0. A rank of weight 0 sends no contribution,
  ///     its values are never read, and it receives the result like all others.
  ///   - codec: how chunks of floats are encoded; other elements travel as they are. Lossy codecs
  ///     cost accuracy at each encoding: `AllReduceAlgorithm` says how many there are.
  ///   - seed: for codecs that round at random; every chunk and rank derives its own from it.
  ///   - pieceElements: of a piece, the same on all ranks; at least 1, and at most what fits
  ///     `Chunk.payloadBytesMax`. Nil chooses by the vector's length.
  /// - Throws: `.badGroup` when weights come out of their range or there are too many, or the
  ///   topology is of another world; `.badOperation` for a mean of flags.
  public init(
    rank: Int, weights: [Double], codec: any Codec, operation: ReduceOperation,
    elementType: ElementType = .f32, seed: Seed, topology: Topology = Topology(),
    pieceElements: Int? = nil
  ) throws(CollectiveError) {
    precondition(weights.indices.contains(rank), "rank \(rank) among \(weights.count)")
    if let pieceElements {
      let bytes =
        elementType == .f32
        ? codec.byteCount(for: pieceElements) : pieceElements * elementType.byteWidth
      precondition(
        pieceElements > 0 && bytes <= Chunk.payloadBytesMax,
        "a piece of \(pieceElements) elements does not fit a chunk")
    }
    try Self.check(weights, operation, elementType)
    try topology.check(world: weights.count)

    self.rank = rank
    self.weights = weights
    self.codec = codec
    self.operation = operation
    self.elementType = elementType
    self.seed = seed
    self.topology = topology
    pieceElementsForced = pieceElements
    contributors = weights.indices.filter { weights[$0] > 0 }
    // Relative to the heaviest weight: with equal weights, the common case, the scale is exactly 1,
    // which costs no pass over the values and no rounding.
    let isMean = operation == .mean
    let unit = isMean && !elementType.isWhole ? weights.max()! : 1
    self.unit = unit
    divisor = isMean ? weights.reduce(0) { $0 + $1 / unit } : 1
  }

  private static func check(
    _ weights: [Double], _ operation: ReduceOperation, _ type: ElementType
  ) throws(CollectiveError) {
    func refused(
      _ what: String, _ remedy: String, _ rank: Int? = nil
    ) -> CollectiveError {
      CollectiveError(
        .badGroup, what, place: "all-reduce of \(weights.count) ranks", remedy: remedy,
        culprit: rank)
    }
    guard weights.count <= worldMax else {
      throw CollectiveError(
        .badGroup, "\(weights.count) ranks are more than \(worldMax)", place: "all-reduce",
        remedy: "Split the peers into several groups.")
    }
    let demand = "Each weight must be finite and at least 0, and one must be above 0."
    for (rank, weight) in weights.enumerated() where !(weight >= 0 && weight.isFinite) {
      throw refused("rank \(rank) has the weight \(weight)", demand, rank)
    }
    guard weights.contains(where: { $0 > 0 }) else { throw refused("all weights are 0", demand) }
    let fold = operation.fold
    for (rank, weight) in weights.enumerated() {
      if fold != .sum || type == .bool, weight != 0 && weight != 1 {
        throw refused(
          "rank \(rank) has the weight \(weight)",
          "For \(type) by \(operation) a rank takes part, 1, or does not, 0.", rank)
      }
      if type.isWhole, weight != weight.rounded() {
        throw refused(
          "rank \(rank) has the weight \(weight)", "Whole numbers take whole weights.", rank)
      }
    }
    if type.isWhole, weights.reduce(0, +) > Double(wholeWeightMax) {
      throw refused("the weights are too large", "Their sum may be \(wholeWeightMax).")
    }
    if operation == .mean, type == .bool {
      throw CollectiveError(
        .badOperation, "flags have no mean", place: "all-reduce of \(weights.count) ranks",
        remedy: "Use sum (one is set) or product (all are set), or reduce numbers.")
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
  func scale(of rank: Int) -> Double { weights[rank] / unit }

  /// The place of each rank among the contributors; nil with weight 0.
  var places: [Int?] {
    var places = [Int?](repeating: nil, count: world)
    for (place, rank) in contributors.enumerated() { places[rank] = place }
    return places
  }

  /// What this rank gives, times its scale.
  func scaled<Element: CollectiveElement>(_ given: Given<Element>) -> Given<Element> {
    contributes ? given.scaled(by: scale(of: rank)) : given
  }

  /// Elements of a piece where the longest segment has so many.
  func pieceElements<Element: CollectiveElement>(of count: Int, as _: Element.Type) -> Int {
    pieceElementsForced
      ?? Pieces.elements(
        of: count, width: MemoryLayout<Element>.stride, areLinksFast: topology.areLinksFast)
  }
}
