// SPDX-License-Identifier: Apache-2.0

import CMLX
public import FerryBasics

/// Where chance in a computation comes from: given explicitly, never kept anywhere.
///
/// The same key gives the same numbers; split it to get independent ones.
public struct RandomKey: Hashable, Sendable {
  public let seed: Seed

  public init(_ seed: Seed) { self.seed = seed }

  /// `count` keys independent of this one and of each other.
  public func split(_ count: Int) -> [RandomKey] {
    (0..<count).map { RandomKey(seed.derived("split", UInt64($0))) }
  }

  /// A key for one named purpose.
  public func derived(_ label: String, _ indices: UInt64...) -> RandomKey {
    RandomKey(indices.reduce(seed.derived(label)) { $0.derived("index", $1) })
  }

  /// Numbers about normally distributed, mean 0; the same bits on every machine.
  ///
  /// Each is the sum of twelve uniform numbers (variance 1, at most 6 deviations from 0): sums of
  /// integers round nowhere, whereas logarithms and sines differ between systems' libraries, and
  /// peers that start from one seed must start from the same bits.
  public func normal(shape: [Int], deviation: Float) throws(LearningError) -> Tensor {
    var generator = SplitMix64(seed)
    let count = shape.reduce(1, *)
    var result: [Float] = []
    result.reserveCapacity(count)
    for _ in 0..<count {
      var total: Int64 = 0
      for _ in 0..<3 {
        var word = generator.next()
        for _ in 0..<4 {
          total += Int64(word & 0xFFFF)
          word >>= 16
        }
      }
      // The mean of a 16-bit number is 32767.5.
      result.append(Float(2 * total - 12 * 65535) * (deviation / 131072))
    }
    return try Tensor(result, shape: shape)
  }

  /// 1 / keep with probability `keep`, else 0.
  public func dropoutMask(shape: [Int], keep: Float) throws(LearningError) -> Tensor {
    let extents = try Tensor.extents(shape, "dropout")
    return Tensor(
      // SAFETY: the handles live through the call, and the shim is told how many there are.
      try unsafe Handle.make("dropout") {
        unsafe fmlx_dropout_mask(extents, extents.count, keep, seed.value, $0)
      })
  }
}
