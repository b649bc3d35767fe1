// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
public import FerryPlanning

/// One rank's shards of a model that none needs to hold whole: weights, gradient, optimizer's state.
///
/// ```swift
/// let weights = try member.weights(over: fabric)               // the whole run
/// try member.add(gradient(at: weights), over: fabric)          // once or more a step
/// try member.step(learningRate: 1e-3, over: fabric)
/// ```
///
/// All ranks call alike. All get the same bits: a shard is encoded by its owner alone, which goes on
/// with what its own bytes decode to. Sums have one order: within a group by rank, then across groups
/// by rank. After an error the shards are those of no step: go back to a checkpoint
/// (`ShardCheckpoint`).
public struct ShardMember<Optimizer: ShardOptimizer> {
  public let scheme: ShardScheme
  public let layout: ShardLayout
  public let rank: Int
  /// Gradients whose norm over all ranks is above this are scaled down to it, if given.
  public let gradientNormMax: Float?
  /// What this rank has sent so far.
  public internal(set) var ledger: ShardLedger
  /// Steps made.
  public internal(set) var steps = 0

  /// Whether a neighbor holds a copy of this rank's exact part.
  public let copies: ShardCopies

  var optimizer: Optimizer
  /// This rank's range at the optimizer's depth, exact.
  var master: [Float]
  /// Its range at the weights' depth, as all hold it.
  var resident: [Float]
  /// Its range at the gradients' depth: the sum since the last step. Empty: nothing yet.
  private var gradient: [Float] = []
  /// Micro-batches in it.
  private var batches = 0
  let seed: Seed
  /// Transfers since the last step: so that no two draw the same chances.
  var transfers: UInt64 = 0
  var shelf = ShardShelf()

  /// - Parameters:
  ///   - parameters: the whole run, the same on all ranks; `layout.count` values.
  ///   - optimizer: made for the range of the run that this rank owns.
  ///   - seed: of codings that round by chance, the same on all ranks.
  ///   - copies: whether a neighbor keeps a copy of what a rank alone owns.
  /// - Throws: `.badGroup` for a rank or depths that the nest has not; `.badOperation` for a scheme
  ///   that would round gradients a third time.
  public init(
    _ scheme: ShardScheme, layout: ShardLayout, rank: Int, parameters: [Float], seed: Seed,
    gradientNormMax: Float? = nil, copies: ShardCopies = .none,
    optimizer: (Range<Int>) -> Optimizer
  ) throws(CollectiveError) {
    precondition(
      parameters.count == layout.count, "\(parameters.count) values, not \(layout.count)")
    try Self.check(scheme, layout, rank)
    let padded = parameters + Array(repeating: 0, count: layout.paddedCount - layout.count)
    let range = layout.range(of: rank, at: scheme.optimizer)
    self.init(
      scheme, layout, rank, seed, gradientNormMax, copies, master: Array(padded[range]),
      optimizer: optimizer(range), steps: 0)
    resident = Array(padded[layout.range(of: rank, at: scheme.weights)])
  }

  /// Without weights yet.
  init(
    _ scheme: ShardScheme, _ layout: ShardLayout, _ rank: Int, _ seed: Seed,
    _ gradientNormMax: Float?, _ copies: ShardCopies, master: [Float], optimizer: Optimizer,
    steps: Int
  ) {
    self.scheme = scheme
    self.layout = layout
    self.rank = rank
    self.seed = seed
    self.gradientNormMax = gradientNormMax
    self.copies = copies
    self.master = master
    self.optimizer = optimizer
    self.steps = steps
    resident = []
    ledger = ShardLedger(levels: layout.nest.levels)
  }

  static func check(
    _ scheme: ShardScheme, _ layout: ShardLayout, _ rank: Int
  ) throws(CollectiveError) {
    let nest = layout.nest
    guard (0..<nest.world).contains(rank), scheme.optimizer <= nest.levels else {
      throw CollectiveError(
        .badGroup,
        "rank \(rank), state sharded at depth \(scheme.optimizer) of \(nest.levels) levels",
        place: "scheme \(scheme.name) over \(nest.sizes)",
        remedy: "Choose a rank below \(nest.world), and a scheme of this nest.")
    }
    guard scheme.optimizer == nest.levels || !scheme.across.form.isBlockwise else {
      throw CollectiveError(
        .badOperation, "gradients in \(scheme.across.form.rawValue) would be rounded three times",
        place: "scheme \(scheme.name)",
        remedy: "Shard the state over all ranks, or send gradients across in bf16 or f32.")
    }
  }

  // MARK: A step

  /// For which pass weights are gathered.
  public enum Pass: Sendable {
    case forward
    case backward
  }

  /// The whole run of weights, the same bits on all ranks: `layout.count` values.
  public mutating func weights(
    _ pass: Pass = .forward, over fabric: some ShardFabric
  ) throws(CollectiveError) -> [Float] {
    let coding = pass == .forward ? scheme.forward : scheme.backward
    let all = try spread(resident, 0..<scheme.weights, coding, over: fabric)
    return Array(all.prefix(layout.count))
  }

  /// Adds this rank's gradient of a micro-batch, `layout.count` values.
  ///
  /// - Throws: `.notEncodable` for a value that is not finite, where the coding needs that.
  public mutating func add(
    _ gradient: [Float], over fabric: some ShardFabric
  ) throws(CollectiveError) {
    precondition(gradient.count == layout.count, "\(gradient.count) values, not \(layout.count)")
    var sum = gradient + Array(repeating: 0, count: layout.paddedCount - layout.count)
    for hop in scheme.hopsEachBatch(over: layout.nest) {
      sum = try reduce(sum, hop, over: fabric)
    }
    if self.gradient.isEmpty {
      self.gradient = sum
    } else {
      for i in sum.indices { self.gradient[i] += sum[i] }
    }
    batches += 1
  }

  /// One step of the optimizer with the mean over all ranks and micro-batches since the last; then the
  /// new weights go to those who hold them.
  ///
  /// - Returns: the norm of the mean gradient, where it is limited; else nil.
  @discardableResult
  public mutating func step(
    learningRate: Float, over fabric: some ShardFabric
  ) throws(CollectiveError) -> Double? {
    precondition(batches > 0, "a step without a gradient")
    let nest = layout.nest
    var sum = gradient
    let done = scheme.hopsEachBatch(over: nest)
    for hop in scheme.hops(over: nest) where !done.contains(hop) {
      sum = try reduce(sum, hop, over: fabric)
    }
    let divisor = Float(nest.world * batches)
    for i in sum.indices { sum[i] /= divisor }
    let norm = try limit(&sum, over: fabric)
    sum = try spread(sum, scheme.optimizer..<nest.levels, scheme.across, over: fabric)
    if copies == .neighbor { shelf.before = checkpoint() }
    optimizer.step(&master, gradient: sum, learningRate: learningRate)
    (gradient, batches, transfers) = ([], 0, 0)
    steps += 1
    try returnWeights(over: fabric)
    try copyState(over: fabric)
    return norm
  }

  /// Bytes of floats that this rank holds, with a gradient under way; copies that are kept of a
  /// neighbor's part are not among them.
  public var byteCount: Int {
    4
      * (resident.count + layout.length(at: scheme.gradients) + master.count
        + optimizer.state.reduce(0) { $0 + $1.values.count })
  }
}
