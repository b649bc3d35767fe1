// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryCodecs
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

  var optimizer: Optimizer
  /// This rank's range at the optimizer's depth, exact.
  var master: [Float]
  /// Its range at the weights' depth, as all hold it.
  var resident: [Float]
  /// Its range at the gradients' depth: the sum since the last step. Empty: nothing yet.
  private var gradient: [Float] = []
  /// Micro-batches in it.
  private var batches = 0
  private let seed: Seed
  /// Transfers since the last step: so that no two draw the same chances.
  private var transfers: UInt64 = 0

  /// - Parameters:
  ///   - parameters: the whole run, the same on all ranks; `layout.count` values.
  ///   - optimizer: made for the range of the run that this rank owns.
  ///   - seed: of codings that round by chance, the same on all ranks.
  /// - Throws: `.badGroup` for a rank or depths that the nest has not; `.badOperation` for a scheme
  ///   that would round gradients a third time.
  public init(
    _ scheme: ShardScheme, layout: ShardLayout, rank: Int, parameters: [Float], seed: Seed,
    gradientNormMax: Float? = nil, optimizer: (Range<Int>) -> Optimizer
  ) throws(CollectiveError) {
    let nest = layout.nest
    precondition(
      parameters.count == layout.count, "\(parameters.count) values, not \(layout.count)")
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
    self.scheme = scheme
    self.layout = layout
    self.rank = rank
    self.seed = seed
    self.gradientNormMax = gradientNormMax
    ledger = ShardLedger(levels: nest.levels)
    let padded = parameters + Array(repeating: 0, count: layout.paddedCount - layout.count)
    let range = layout.range(of: rank, at: scheme.optimizer)
    master = Array(padded[range])
    resident = Array(padded[layout.range(of: rank, at: scheme.weights)])
    self.optimizer = optimizer(range)
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
    optimizer.step(&master, gradient: sum, learningRate: learningRate)
    resident = try spread(
      master, scheme.weights..<scheme.optimizer, scheme.returned, over: fabric)
    (gradient, batches, transfers) = ([], 0, 0)
    steps += 1
    return norm
  }

  /// Bytes of floats that this rank holds between steps, with a gradient under way.
  public var byteCount: Int {
    4
      * (resident.count + layout.length(at: scheme.gradients) + master.count
        + optimizer.state.reduce(0) { $0 + $1.values.count })
  }

  // MARK: Transfers

  /// Scales the mean down where it is too long; each rank's part is added in the order of ranks.
  private mutating func limit(
    _ mean: inout [Float], over fabric: some ShardFabric
  ) throws(CollectiveError) -> Double? {
    guard let gradientNormMax else { return nil }
    var square = 0.0
    for value in mean { square += Double(value) * Double(value) }
    var out = ByteWriter()
    out.put(square)
    let ranks = Array(0..<layout.nest.world)
    count(Array(repeating: out.bytes.count, count: ranks.count), among: ranks)
    var total = 0.0
    for (rank, bytes) in zip(ranks, try fabric.gather(out.bytes, among: ranks)) {
      var reader = ByteReader(bytes, place: "norm of rank \(rank)")
      do {
        total += try reader.double()
        try reader.end()
      } catch {
        throw CollectiveError(
          .malformedPayload, error.what, place: error.place,
          remedy: "The sender is broken or lying.", culprit: rank)
      }
    }
    let norm = total.squareRoot()
    guard norm.isFinite else {
      throw CollectiveError(
        .notEncodable, "the gradient's norm is \(norm)", place: "step \(steps + 1)",
        remedy: "Look for the step that diverged; a lower learning rate often helps.")
    }
    if norm > Double(gradientNormMax) {
      let scale = Float(Double(gradientNormMax) / norm)
      for i in mean.indices { mean[i] *= scale }
    }
    return norm
  }

  /// From this rank's part at the outer depth to that at the inner one, level by level, the outermost
  /// first; encoded once, by its owner.
  private mutating func spread(
    _ part: [Float], _ depths: Range<Int>, _ coding: ShardCoding, over fabric: some ShardFabric
  ) throws(CollectiveError) -> [Float] {
    let nest = layout.nest
    guard nest.widths[depths.lowerBound] < nest.widths[depths.upperBound] else { return part }
    let packer = ShardPacker(layout, coding)
    let own = layout.range(of: rank, at: depths.upperBound)
    // By range, not by rank: several ranks may own one range, and must make the same bytes of it.
    let seed = drawn("weights", UInt64(own.lowerBound))
    var bytes = try packer.encode(part, of: own, seed: seed)
    for level in depths.reversed() {
      let ranks = nest.fellows(of: rank, between: level..<level + 1)
      guard ranks.count > 1 else { continue }
      count(Array(repeating: bytes.count, count: ranks.count), among: ranks)
      bytes = try fabric.gather(bytes, among: ranks).flatMap(\.self)
    }
    // Owners in the order of their ranges, which is that of their bytes.
    let pieces = nest.widths[depths.upperBound] / nest.widths[depths.lowerBound]
    let start = layout.range(of: rank, at: depths.lowerBound).lowerBound
    var values: [Float] = []
    values.reserveCapacity(part.count * pieces)
    var from = 0
    for piece in 0..<pieces {
      let range = start + piece * part.count..<start + (piece + 1) * part.count
      let length = packer.byteCount(range)
      guard from + length <= bytes.count else {
        throw CollectiveError(
          .wrongLength, "\(bytes.count) bytes are too few for \(pieces) shards",
          place: "gathering parameters \(range)",
          remedy: "A member's scheme is another one; compare configurations.")
      }
      values += try packer.decode(
        Array(bytes[from..<from + length]), of: range, from: owner(of: piece, depths))
      from += length
    }
    guard from == bytes.count else {
      throw CollectiveError(
        .wrongLength, "\(bytes.count) bytes, and \(pieces) shards take \(from)",
        place: "gathering parameters from \(start) on",
        remedy: "A member's scheme is another one; compare configurations.")
    }
    return values
  }

  /// The fellow that owns one of the pieces between two depths, by the pieces' order.
  private func owner(of piece: Int, _ depths: Range<Int>) -> Int {
    let nest = layout.nest
    var (owner, piece) = (rank, piece)
    for level in depths.reversed() {
      let size = nest.sizes[level]
      owner += (piece % size - nest.place(of: rank, at: level)) * nest.widths[level]
      piece /= size
    }
    return owner
  }

  /// From this rank's summand of its part at the inner depth to the sum of its part at the outer one:
  /// each slice straight to its owner, who adds them up by rank.
  private mutating func reduce(
    _ part: [Float], _ depths: Range<Int>, over fabric: some ShardFabric
  ) throws(CollectiveError) -> [Float] {
    let nest = layout.nest
    let packer = ShardPacker(layout, depths.lowerBound == 0 ? scheme.within : scheme.across)
    let ranks = nest.fellows(of: rank, between: depths)
    let start = layout.range(of: rank, at: depths.lowerBound).lowerBound
    let own = layout.range(of: rank, at: depths.upperBound)
    let seed = drawn("gradient", UInt64(rank))
    var parts: [[UInt8]] = []
    for to in ranks {
      let range = layout.range(of: to, at: depths.upperBound)
      let slice = Array(part[range.lowerBound - start..<range.upperBound - start])
      // What a rank keeps is not rounded.
      parts.append(
        to == rank
          ? [] : try packer.encode(slice, of: range, seed: seed.derived("to", UInt64(to))))
    }
    count(parts.map(\.count), among: ranks)
    var sum: [Float] = []
    for (from, bytes) in zip(ranks, try fabric.exchange(parts, among: ranks)) {
      let slice =
        from == rank
        ? Array(part[own.lowerBound - start..<own.upperBound - start])
        : try packer.decode(bytes, of: own, from: from)
      if sum.isEmpty {
        sum = slice
      } else {
        for i in sum.indices { sum[i] += slice[i] }
      }
    }
    return sum
  }

  private mutating func drawn(_ label: String, _ place: UInt64) -> Seed {
    transfers += 1
    return seed.derived(label, UInt64(steps), transfers, place)
  }

  private mutating func count(_ lengths: [Int], among ranks: [Int]) {
    for (other, length) in zip(ranks, lengths) {
      if let level = layout.nest.level(between: rank, other) { ledger.bytes[level] += length }
    }
  }
}
