// SPDX-License-Identifier: Apache-2.0

/// What carries bytes among some of the ranks of a nest. All of them call alike.
public protocol ShardFabric {
  /// This rank.
  var rank: Int { get }

  /// Each of `ranks`, this one among them, gives the others the same bytes.
  ///
  /// - Returns: what each gave, in the order of `ranks`.
  func gather(_ bytes: [UInt8], among ranks: [Int]) throws(CollectiveError) -> [[UInt8]]

  /// Each of `ranks` gives each of them bytes of its own.
  ///
  /// - Parameter parts: what each gets, in the order of `ranks`.
  /// - Returns: what each gave this rank, in the same order.
  func exchange(_ parts: [[UInt8]], among ranks: [Int]) throws(CollectiveError) -> [[UInt8]]
}

/// Bytes that a rank has sent over the links of each level of its nest, innermost first.
public struct ShardLedger: Sendable, Equatable {
  public internal(set) var bytes: [Int]

  init(levels: Int) { bytes = Array(repeating: 0, count: levels) }
}
