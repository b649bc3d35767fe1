// SPDX-License-Identifier: Apache-2.0

/// Where all chance comes from; prints itself, so that what it did can be replayed.
public struct Seed: Hashable, Sendable, CustomStringConvertible {
  public let value: UInt64

  public init(_ value: UInt64) { self.value = value }

  public var description: String { "seed \(value)" }

  /// A seed of its own for one purpose: the same names and numbers give the same seed everywhere.
  ///
  /// Streams with different labels are independent, so that adding a use of chance somewhere does
  /// not shift every other one.
  public func derived(_ label: String, _ indices: UInt64...) -> Seed {
    var state = SplitMix64.mix(value)
    for byte in label.utf8 { state = SplitMix64.mix(state ^ UInt64(byte)) }
    for index in indices { state = SplitMix64.mix(state ^ SplitMix64.mix(index)) }
    return Seed(state)
  }
}

/// SplitMix64 (Steele, Lea and Flood 2014, figure 17): small, fast, and the same everywhere.
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(_ seed: Seed) { state = seed.value }
  init(state: UInt64) { self.state = state }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.finalize(state)
  }

  /// One word from one word: the generator's first output when its state is `value`.
  public static func mix(_ value: UInt64) -> UInt64 { finalize(value &+ 0x9E37_79B9_7F4A_7C15) }

  private static func finalize(_ word: UInt64) -> UInt64 {
    var z = word
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
