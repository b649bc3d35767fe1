// SPDX-License-Identifier: Apache-2.0

/// What sums inside an island: ranks on fast links, all of which live and die together.
///
/// All ranks make the same calls in the same order, each from one thread. Rank 0 is the leader.
public protocol IslandEngine {
  /// This process, 0 to `size` − 1.
  var rank: Int { get }
  var size: Int { get }

  /// Adds all ranks' values, as many from each, over the leader's; the others' are then of no use.
  ///
  /// - Throws: `.engineFailed`.
  func sum(_ values: inout [Float]) throws(IslandError)
  /// As the other, in double precision.
  func sum(_ values: inout [Double]) throws(IslandError)
  /// Writes the leader's bytes over everybody's, as many everywhere.
  func share(_ bytes: inout [UInt8]) throws(IslandError)
  /// Writes the leader's values over everybody's, as many everywhere.
  func share(_ values: inout [Float]) throws(IslandError)
}
