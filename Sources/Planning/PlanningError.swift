// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Why nothing could be planned.
public struct PlanningError: FerryError, Equatable {
  /// A struct, not an enum, so that a new code breaks no caller's `switch`.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    /// A fabric without hosts or paths, or larger than a limit.
    public static let badFabric = Code(rawValue: "fabric-out-of-range")
    /// The traffic does not fit the number of hosts, or names one that is not there.
    public static let badTraffic = Code(rawValue: "traffic-out-of-range")
    /// Two leaves have no spine left between them.
    public static let noPath = Code(rawValue: "no-path")
    /// Measurements that cannot be: negative, not finite, of a pair that is not there.
    public static let badLinks = Code(rawValue: "links-out-of-range")
    /// No ring goes through all members over links that are there.
    public static let noRing = Code(rawValue: "no-ring")
    /// Weights that share nothing out: negative, not finite, or all zero.
    public static let badWeights = Code(rawValue: "weights-out-of-range")
    /// Groups within groups that are uneven, too many, or no runs of ranks.
    public static let badNest = Code(rawValue: "nest-uneven")
    /// A sharding that is in no order, of nothing, or over links that cannot be.
    public static let badShards = Code(rawValue: "shards-out-of-range")
  }

  /// Which kind of trouble it is.
  public let code: Code
  /// What happened, with the numbers.
  public let what: String
  /// The fabric, pair or member.
  public let place: String
  /// What the reader can do.
  public let remedy: String

  public init(_ code: Code, _ what: String, at place: String, remedy: String) {
    self.code = code
    self.what = what
    self.place = place
    self.remedy = remedy
  }

  /// The code's stable name.
  public var codeName: String { code.rawValue }
}
