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
  public var name: String
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

  // MARK: Schemes by name

  /// All schemes that a nest has room for: plain ones first.
  public static func all(over nest: Nest) -> [ShardScheme] {
    let last = nest.levels
    func scheme(_ name: String, _ depths: (Int, Int, Int)) -> ShardScheme {
      do {
        return try ShardScheme(
          name, weights: depths.0, gradients: depths.1, optimizer: depths.2)
      } catch {
        preconditionFailure("depths in order: \(error)")
      }
    }
    let plain = [
      scheme("data-parallel", (0, 0, 0)), scheme("zero-1", (0, 0, last)),
      scheme("zero-2", (0, last, last)), scheme("zero-3", (last, last, last)),
    ]
    guard last > 1 else { return plain }
    var quantized = scheme("zero++", (last - 1, last, last))
    (quantized.forward, quantized.returned) = (.int8, .int8)
    (quantized.within, quantized.across) = (.int4, .int4)
    var nested = scheme("nested", (1, last - 1, last)).sending(.int8)
    (nested.within, nested.across) = (.int4, .int4)
    return plain + [
      scheme("mics", (last - 1, last - 1, last - 1)), scheme("hpz", (last - 1, last, last)),
      quantized, nested,
    ]
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
