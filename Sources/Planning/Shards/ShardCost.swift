// SPDX-License-Identifier: Apache-2.0

/// What a sharding scheme costs each rank: memory, bytes over the links of each level, time.
///
/// All ranks pay alike. Of `Ψ` parameters, with `P(d)` ranks in a group of depth `d` and `b` bytes a
/// value: a gather from depth `D` to `d` brings, at each level `k` between, `bΨ (1/P(k) − 1/P(k+1))`; a
/// hop of gradients between depths `d` and `D` sends `bΨ/P(D) · (P(k+1) − P(k))/P(d)` at level `k`.
/// Computing costs nothing in it, and nothing overlaps but the links of different levels in one hop.
public struct ShardCost: Sendable, Equatable {
  /// Bytes a parameter that is held.
  public struct Held: Sendable, Hashable {
    /// Of a weight, of a gradient, and of the optimizer's state with the master weight.
    public var weight: Double
    public var gradient: Double
    public var state: Double

    public init(weight: Double, gradient: Double, state: Double) {
      (self.weight, self.gradient, self.state) = (weight, gradient, state)
    }

    /// bf16 weights and gradients; f32 master weights and Adam's two moments.
    public static let mixed = Held(weight: 2, gradient: 2, state: 12)
    /// All in f32.
    public static let float32 = Held(weight: 4, gradient: 4, state: 12)
  }

  /// Bytes each rank holds: `w Ψ/P(weights) + g Ψ/P(gradients) + s Ψ/P(optimizer)`.
  public let memory: Double
  /// Bytes each rank sends (and receives) a step, at each level, innermost first.
  public let bytes: [Double]
  /// The transfers of a step one after the other: bytes at each level.
  private let transfers: [[Double]]

  /// - Parameters:
  ///   - count: parameters, padding not counted.
  ///   - batches: micro-batches a step, at least 1.
  public init(
    _ scheme: ShardScheme, count: Double, over nest: Nest, batches: Int = 1,
    holding held: Held = .mixed
  ) {
    precondition(
      batches > 0 && scheme.optimizer <= nest.levels, "\(scheme.name) over \(nest.sizes)")
    let widths = nest.widths.map(Double.init)
    let none = [Double](repeating: 0, count: nest.levels)
    func gather(_ depths: Range<Int>, _ coding: ShardCoding) -> [[Double]] {
      depths.reversed().map { level in
        var bytes = none
        bytes[level] = count * coding.bytesPerValue * (1 / widths[level] - 1 / widths[level + 1])
        return bytes
      }
    }
    func hop(_ depths: Range<Int>, _ coding: ShardCoding) -> [Double] {
      var bytes = none
      for level in depths {
        bytes[level] =
          count * coding.bytesPerValue / widths[depths.upperBound]
          * (widths[level + 1] - widths[level]) / widths[depths.lowerBound]
      }
      return bytes
    }
    let hops = scheme.hops(over: nest)
    let codings = hops.map { $0.lowerBound == 0 ? scheme.within : scheme.across }
    let each = scheme.hopsEachBatch(over: nest)
    var transfers: [[Double]] = []
    for _ in 0..<batches {
      transfers += gather(0..<scheme.weights, scheme.forward)
      transfers += gather(0..<scheme.weights, scheme.backward)
      transfers += zip(hops, codings).filter { each.contains($0.0) }.map(hop)
    }
    transfers += zip(hops, codings).filter { !each.contains($0.0) }.map(hop)
    transfers += gather(scheme.optimizer..<nest.levels, scheme.across)
    transfers += gather(scheme.weights..<scheme.optimizer, scheme.returned)
    self.transfers = transfers
    bytes = transfers.reduce(none) { zip($0, $1).map(+) }
    memory =
      held.weight * count / widths[scheme.weights]
      + held.gradient * count / widths[scheme.gradients]
      + held.state * count / widths[scheme.optimizer]
  }

  /// Seconds a step on links of these bytes a second, one speed a level, each rank's own.
  public func seconds(at speeds: [Double]) -> Double {
    precondition(speeds.count == bytes.count, "\(speeds.count) speeds, \(bytes.count) levels")
    return transfers.reduce(0) { $0 + (zip($1, speeds).map { $0 / $1 }.max() ?? 0) }
  }

  /// What crosses the outermost level in all of a group inside it, in values of two bytes, over `Ψ` and
  /// the part of it that lies elsewhere: 3 for ZeRO-3, as ZeRO++'s authors count.
  public func crossings(count: Double, over nest: Nest) -> Double {
    Self.crossings(bytes.last!, count: count, over: nest)
  }

  /// The same of bytes that were counted.
  public static func crossings(_ bytes: Double, count: Double, over nest: Nest) -> Double {
    let hosts = Double(nest.sizes.last!)
    let inside = Double(nest.widths[nest.levels - 1])
    return bytes * inside / (2 * count * (hosts - 1) / hosts)
  }
}
