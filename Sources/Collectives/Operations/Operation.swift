// SPDX-License-Identifier: Apache-2.0

import FerryBasics
public import FerryCodecs

/// interim
public struct Operation: Sendable, Hashable, CustomStringConvertible {
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case allReduce, reduceScatter, allGather, broadcast, gather, scatter, allToAll, send, barrier
  }
  public var kind: Kind
  public var reduce: ReduceOperation = .sum
  public var algorithm: AllReduceAlgorithm = .automatic
  public var codec: CodecKind = .float32
  public var root: Int?
  public init(_ kind: Kind) { self.kind = kind }
  public var description: String { "\(codec) \(algorithm) \(reduce) \(kind)" }

  func machine(
    rank: Int, weights: [Double], input: Values, counts: [[Int]], seed: Seed, chunkPrefix: [UInt8]
  ) throws(CollectiveError) -> any CollectiveMachine {
    guard case .float32(let values) = input else { fatalError() }
    switch kind {
    case .allGather:
      return AllGather(
        rank: rank, values: values, counts: counts.map { $0[0] }, codec: codec.codec(), seed: seed)
    default:
      var reduction = try Reduction(
        rank: rank, weights: weights, codec: codec.codec(), operation: reduce, seed: seed)
      reduction.chunkPrefix = chunkPrefix
      return algorithm.machine(values, in: reduction)
    }
  }
}
