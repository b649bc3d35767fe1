// SPDX-License-Identifier: Apache-2.0

/// What is known of the links of a group whose links are all alike.
public struct LinkProfile: Sendable, Equatable {
  /// How long the first byte takes, one way: α.
  public let latency: Duration
  /// What a member sends, and receives at the same time, in bytes a second: B.
  public let bytesPerSecond: Double
  /// The part of B that is left when several send to one member at once, above 0, at most 1: queues
  /// overflow, and what is lost is sent again. Measured; 1 is a network without that trouble.
  public let fanIn: Double

  /// - Throws: `.badLinks` for a latency outside 0 to an hour, a speed outside 1 to 10¹⁵ bytes a
  ///   second, a `fanIn` outside 0.01 to 1.
  public init(
    latency: Duration, bytesPerSecond: Double, fanIn: Double = 1
  ) throws(PlanningError) {
    guard latency >= .zero, latency <= .seconds(PairMatrix.latencySecondsMax),
      (1...PairMatrix.speedMax).contains(bytesPerSecond), (0.01...1).contains(fanIn)
    else {
      throw PlanningError(
        .badLinks, "\(latency), \(bytesPerSecond) bytes a second, \(fanIn) of it shared",
        at: "the profile of a link",
        remedy:
          "Latency is 0 to \(PairMatrix.latencySecondsMax) s, speed 1 to 1e15, fan-in 0.01 to 1.")
    }
    self.latency = latency
    self.bytesPerSecond = bytesPerSecond
    self.fanIn = fanIn
  }
}
