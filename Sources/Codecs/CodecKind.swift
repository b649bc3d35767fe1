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
    }
  }

  /// The codec itself, with blocks of `block` values where it has blocks.
  public func codec(block: Int = Int8Codec.blockDefault) -> any Codec {
    switch self {
    case .float32: Float32Codec()
    case .bfloat16: BFloat16Codec()
    case .int8: Int8Codec(block: block, rounding: .nearest)
    case .int8Stochastic: Int8Codec(block: block, rounding: .stochastic)
    }
  }

  /// All names: `f32, bf16, int8, int8-stochastic`.
  public static var choices: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
