// SPDX-License-Identifier: Apache-2.0

/// The codecs by name, for configuration, and by number, for messages.
public enum CodecKind: String, CaseIterable, Hashable, Sendable {
  /// All bits: 4 bytes a value.
  case float32 = "f32"
  /// The upper half of each float: 2 bytes a value.
  case bfloat16 = "bf16"
  /// Blocks of int8 codes, rounded to nearest: 1 byte a value and 4 a block.
  case int8
  /// Blocks of int8 codes, rounded up or down by chance so that the mean is right.
  case int8Stochastic = "int8-stochastic"
  /// Blocks of int4 codes, rounded to nearest: half a byte a value and 4 a block.
  case int4
  /// Blocks of int4 codes, rounded up or down by chance so that the mean is right.
  case int4Stochastic = "int4-stochastic"
  /// The 1 in 32 of largest magnitude as they are, zeros for all others.
  case topK = "top-k"

  /// The kind of this name in a configuration.
  ///
  /// - Throws: `.unknown`, naming the choices.
  public init(named name: String) throws(CodecError) {
    guard let kind = CodecKind(rawValue: name) else {
      throw CodecError(
        .unknown, "there is no codec \"\(name)\"", at: "configuration",
        remedy: "Choose one of \(Self.choices).")
    }
    self = kind
  }

  /// The kind with this number in a message.
  ///
  /// - Throws: `.unknown`.
  public init(wireID: UInt8) throws(CodecError) {
    guard let kind = Self.allCases.first(where: { $0.wireID == wireID }) else {
      throw CodecError(
        .unknown, "there is no codec number \(wireID)", at: "a message",
        remedy: "The peers run different versions; update the older one.")
    }
    self = kind
  }

  /// The number in messages; never reused.
  public var wireID: UInt8 {
    switch self {
    case .float32: 1
    case .bfloat16: 2
    case .int8: 3
    case .int8Stochastic: 4
    case .int4: 5
    case .int4Stochastic: 6
    case .topK: 7
    }
  }

  /// The codec itself, with blocks of `block` values where it has blocks; nil leaves it to each.
  public func codec(block: Int? = nil) -> any Codec {
    switch self {
    case .float32: Float32Codec()
    case .bfloat16: BFloat16Codec()
    case .int8: Int8Codec(block: block ?? Int8Codec.blockDefault, rounding: .nearest)
    case .int8Stochastic: Int8Codec(block: block ?? Int8Codec.blockDefault, rounding: .stochastic)
    case .int4: Int4Codec(block: block ?? Int4Codec.blockDefault, rounding: .nearest)
    case .int4Stochastic: Int4Codec(block: block ?? Int4Codec.blockDefault, rounding: .stochastic)
    case .topK: TopKCodec()
    }
  }

  /// All names: `f32, bf16, int8, …`.
  public static var choices: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
