// SPDX-License-Identifier: Apache-2.0

/// The scheme for a model, from what fits and what it takes.
///
/// A scheme that holds all weights on each rank and rounds nothing is taken if it fits, the fastest
/// such; else the fastest of all that fit. The first of equals is the one that a death costs least.
public struct ShardChoice: Sendable, Equatable {
  /// One scheme's figures.
  public struct Row: Sendable, Equatable {
    public let scheme: ShardScheme
    public let cost: ShardCost
    public let seconds: Double
    public let fits: Bool
  }

  public let rows: [Row]
  /// Which row is taken; nil when none fits.
  public let chosen: Int?

  /// - Parameters:
  ///   - speeds: bytes a second of a rank's links, one a level.
  ///   - memory: bytes each rank has for weights, gradients and state.
  /// - Throws: `.badShards` for figures that cannot be.
  public init(
    count: Double, over nest: Nest, speeds: [Double], memory: Double, batches: Int = 1,
    holding held: ShardCost.Held = .mixed
  ) throws(PlanningError) {
    guard speeds.count == nest.levels else {
      throw Self.refused(
        "\(speeds.count) speeds for \(nest.levels) levels", "Give one speed for each level.")
    }
    guard speeds.allSatisfy({ (1...PairMatrix.speedMax).contains($0) }) else {
      throw Self.refused(
        "speeds of \(speeds) bytes a second", "Give speeds of 1 to 1e15 bytes a second.")
    }
    guard count >= 1, count <= Double(ShardLayout.countMax), memory > 0, memory.isFinite,
      (1...Self.batchesMax).contains(batches)
    else {
      throw Self.refused(
        "\(count) parameters, \(memory) bytes of memory, \(batches) micro-batches",
        "Give 1 to \(ShardLayout.countMax) parameters, some memory, 1 to \(Self.batchesMax) "
          + "micro-batches.")
    }
    rows = ShardScheme.all(over: nest).map { scheme in
      let cost = ShardCost(scheme, count: count, over: nest, batches: batches, holding: held)
      return Row(
        scheme: scheme, cost: cost, seconds: cost.seconds(at: speeds), fits: cost.memory <= memory)
    }
    let fitting = rows.indices.filter { [rows] in rows[$0].fits }
    let plain = fitting.filter { [rows] in
      rows[$0].scheme.weights == 0 && rows[$0].scheme.gradients == 0
        && !rows[$0].scheme.isQuantized
    }
    chosen = (plain.isEmpty ? fitting : plain).min { [rows] in
      (rows[$0].seconds, $0) < (rows[$1].seconds, $1)
    }
  }

  /// The most micro-batches of a step that are reckoned with.
  public static let batchesMax = 4096

  private static func refused(_ what: String, _ remedy: String) -> PlanningError {
    PlanningError(.badShards, what, at: "the choice of shards", remedy: remedy)
  }
}
