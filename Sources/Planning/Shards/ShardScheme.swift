// SPDX-License-Identifier: Apache-2.0

/// How parameters, gradients and the optimizer's state are sharded over a nest, and in how many bits
/// they travel.
///
/// ZeRO's stages, hpZ, ZeRO++, MiCS and the three levels of the Frontier paper are choices of three
/// depths: weights are sharded over a rank's group of depth `weights`, gradients over that of depth
/// `gradients`, master weights and moments over that of depth `optimizer`.
///
/// - Note: ZeRO, arXiv 1910.02054; ZeRO++, arXiv 2306.10209; MiCS, arXiv 2205.00119; three levels,
///   arXiv 2501.04266.
public struct ShardScheme: Sendable, Hashable {
  /// What people call it.
  public let name: String
  public let weights: Int
  public let gradients: Int
  public let optimizer: Int

  /// Weights that are gathered before the forward and before the backward pass.
  public var forward: ShardCoding = .bfloat16
  public var backward: ShardCoding = .bfloat16
  /// Gradients in their first and in their second hop: no value is rounded more than twice.
  public var within: ShardCoding = .bfloat16
  public var across: ShardCoding = .bfloat16
  /// Updated weights, from the ranks that own the optimizer's state to those that hold them.
  public var returned: ShardCoding = .bfloat16

  /// - Throws: `.badShards` unless `0 ≤ weights ≤ gradients ≤ optimizer`.
  public init(
    _ name: String, weights: Int, gradients: Int, optimizer: Int
  ) throws(PlanningError) {
    guard 0 <= weights, weights <= gradients, gradients <= optimizer, optimizer <= Nest.levelsMax
    else {
      throw PlanningError(
        .badShards, "weights, gradients and state at depths \(weights), \(gradients), \(optimizer)",
        at: "scheme \(name)",
        remedy: "Shard gradients at least as deep as weights, and state as gradients.")
    }
    self.name = name
    self.weights = weights
    self.gradients = gradients
    self.optimizer = optimizer
  }

  /// The same with everything sent in one coding.
  public func sending(_ coding: ShardCoding) -> ShardScheme {
    var scheme = self
    (scheme.forward, scheme.backward, scheme.returned) = (coding, coding, coding)
    (scheme.within, scheme.across) = (coding, coding)
    return scheme
  }

  /// The longest block of all codings.
  public var block: Int {
    [forward, backward, within, across, returned].map(\.block).max() ?? 1
  }

  /// Whether any value is rounded to fewer bits than those of bf16.
  public var isQuantized: Bool {
    [forward, backward, within, across, returned].contains { $0.form.isBlockwise }
  }

  /// Between which depths gradients are summed, one hop each: within the group of the gradients' own
  /// depth, if that is neither one rank nor all; else within whatever lies inside the outermost level.
  public func hops(over nest: Nest) -> [Range<Int>] {
    let own = (1..<max(nest.levels, 1)).contains(gradients) ? gradients : nest.levels - 1
    return [0..<own, own..<nest.levels].filter {
      nest.widths[$0.lowerBound] < nest.widths[$0.upperBound]
    }
  }

  /// The hops that every micro-batch makes, as no rank may hold more of the gradient than its shard;
  /// the others are made once a step.
  public func hopsEachBatch(over nest: Nest) -> [Range<Int>] {
    hops(over: nest).filter { $0.upperBound <= gradients }
  }

  // MARK: Known schemes

  /// Schemes that have a name.
  public enum Kind: String, Sendable, CaseIterable {
    /// Everything on each rank.
    case dataParallel = "data-parallel"
    /// State over all ranks; with it gradients; with them weights.
    case zero1 = "zero-1"
    case zero2 = "zero-2"
    case zero3 = "zero-3"
    /// Everything over the ranks inside the outermost level, alike in each such group.
    case mics
    /// Weights inside the outermost level, gradients and state over all ranks.
    case hpZ = "hpz"
    /// That with int8 weights, but for the backward pass, and int4 gradients.
    case zeroPlusPlus = "zero++"
    /// Weights inside the innermost level, gradients inside the outermost, state over all ranks; int8
    /// weights and int4 gradients.
    case nested
  }

  /// A known scheme over a nest.
  public init(_ kind: Kind, over nest: Nest) {
    let last = nest.levels
    let depths =
      switch kind {
      case .dataParallel: (0, 0, 0)
      case .zero1: (0, 0, last)
      case .zero2: (0, last, last)
      case .zero3: (last, last, last)
      case .mics: (last - 1, last - 1, last - 1)
      case .hpZ, .zeroPlusPlus: (last - 1, last, last)
      case .nested: (1, max(last - 1, 1), last)
      }
    name = kind.rawValue
    (weights, gradients, optimizer) = depths
    if kind == .zeroPlusPlus || kind == .nested {
      (forward, returned) = (.int8, .int8)
      (within, across) = (.int4, .int4)
      if kind == .nested { backward = .int8 }
    }
  }

  /// All known schemes that are apart over a nest: plain ones first.
  public static func all(over nest: Nest) -> [ShardScheme] {
    let plain: [Kind] = [.dataParallel, .zero1, .zero2, .zero3]
    return (nest.levels > 1 ? Kind.allCases : plain).map { ShardScheme($0, over: nest) }
  }
}

/// In which form values travel.
public struct ShardCoding: Sendable, Hashable {
  /// What becomes of a value.
  public enum Form: String, Sendable, Hashable, CaseIterable {
    case float32 = "f32"
    case bfloat16 = "bf16"
    /// Blocks that share one step, rounded to nearest or by chance so that the mean is right.
    case int8
    case int8Stochastic = "int8-stochastic"
    case int4
    case int4Stochastic = "int4-stochastic"

    /// Whether it has blocks.
    public var isBlockwise: Bool { self != .float32 && self != .bfloat16 }
  }

  public let form: Form
  /// Values that share a step; 1 where there are no blocks.
  public let block: Int

  /// - Parameter block: of forms with blocks, 1 to 65,536; the step of each takes 4 bytes.
  public init(_ form: Form, block: Int = 2048) {
    self.form = form
    self.block = form.isBlockwise ? min(max(block, 1), 65_536) : 1
  }

  /// As they are.
  public static let float32 = ShardCoding(.float32)
  /// The upper half of each.
  public static let bfloat16 = ShardCoding(.bfloat16)
  /// Blocks of 2048, as ZeRO++ has them.
  public static let int8 = ShardCoding(.int8)
  /// Blocks of 256, rounded by chance: tiny gradients beside large ones would vanish else.
  public static let int4 = ShardCoding(.int4Stochastic, block: 256)

  /// Bytes a value, with its part of a step.
  public var bytesPerValue: Double {
    switch form {
    case .float32: 4
    case .bfloat16: 2
    case .int8, .int8Stochastic: 1 + 4 / Double(block)
    case .int4, .int4Stochastic: 0.5 + 4 / Double(block)
    }
  }
}
