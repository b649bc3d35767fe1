// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// A seeded bijection on `0..<count`: every sample once, in an order that looks random.
///
/// A balanced Feistel network over the next even number of bits (the network is a bijection
/// whatever its round function), walked along its cycle until the value falls into the range
/// (Black and Rogaway 2002, section 4). O(1) memory; fewer than 4 walks on average.
public struct SamplePermutation: Sendable {
  /// How many samples there are.
  public let count: UInt64
  private let halfBits: UInt64
  private let keys: InlineArray<6, UInt64>

  /// The permutation of `0..<count` that belongs to a seed; `count ≥ 1`, at most 2^62.
  public init(count: UInt64, seed: Seed) {
    precondition(count >= 1 && count <= 1 << 62, "a permutation of \(count) samples")
    self.count = count
    let bits = UInt64(64 - (count - 1).leadingZeroBitCount)
    halfBits = max(1, (bits + 1) / 2)
    var keys = InlineArray<6, UInt64>(repeating: 0)
    for round in 0..<6 { keys[round] = seed.derived("sample-order", UInt64(round)).value }
    self.keys = keys
  }

  /// The sample in the `index`-th place; `index < count`.
  public subscript(index: UInt64) -> UInt64 {
    precondition(index < count, "place \(index) of \(count)")
    var value = index
    repeat { value = enciphered(value) } while value >= count
    return value
  }

  /// The place of a sample: the inverse of the subscript; `sample < count`.
  public func place(of sample: UInt64) -> UInt64 {
    precondition(sample < count, "sample \(sample) of \(count)")
    var value = sample
    repeat { value = deciphered(value) } while value >= count
    return value
  }

  private var halfMask: UInt64 { (1 << halfBits) - 1 }

  private func enciphered(_ value: UInt64) -> UInt64 {
    var (left, right) = (value >> halfBits, value & halfMask)
    for round in 0..<6 {
      (left, right) = (right, left ^ (SplitMix64.mix(right ^ keys[round]) & halfMask))
    }
    return left << halfBits | right
  }

  private func deciphered(_ value: UInt64) -> UInt64 {
    var (left, right) = (value >> halfBits, value & halfMask)
    for round in (0..<6).reversed() {
      (left, right) = (right ^ (SplitMix64.mix(left ^ keys[round]) & halfMask), left)
    }
    return left << halfBits | right
  }
}

/// The endless stream that peers draw from: pass after pass over all samples, each in a new order.
///
/// Position `q` is sample `permutation_pass(q mod count)` with `pass = q / count`, so positions
/// alone, without any list, say who trained on what.
public struct SampleStream: Sendable {
  /// Samples in one pass.
  public let count: UInt64
  /// What the orders are drawn from; equal on all peers of a run.
  public let seed: Seed

  /// The stream over `count ≥ 1` samples.
  public init(count: UInt64, seed: Seed) {
    precondition(count >= 1, "a stream over \(count) samples")
    self.count = count
    self.seed = seed
  }

  /// The samples at these positions, in order.
  public func samples(at positions: Range<UInt64>) -> [UInt64] {
    var result: [UInt64] = []
    result.reserveCapacity(positions.count)
    var next = positions.lowerBound
    while next < positions.upperBound {
      let pass = next / count
      let order = SamplePermutation(count: count, seed: seed.derived("pass", pass))
      let first = next % count
      let last = min(count, first + (positions.upperBound - next))
      for place in first..<last { result.append(order[place]) }
      next += last - first
    }
    return result
  }
}
