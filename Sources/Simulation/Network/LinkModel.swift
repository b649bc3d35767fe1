// SPDX-License-Identifier: Apache-2.0

/// How links behave when nothing is wrong, and when they give up.
///
/// A link is a TCP connection under `LinkLoop`: frames arrive whole and in order or not at all.
public struct LinkModel: Sendable {
  /// One way, drawn once for each pair of peers.
  public var latency: ClosedRange<Duration>
  /// Added to each frame, drawn from zero to this.
  public var jitter: Duration
  /// Of one direction of one link.
  public var bytesPerSecond: Int
  /// Peers, by number, whose links are so many times slower, both ways.
  public var slower: [Int: Double] = [:]
  /// Counted for each frame beside its payload: headers and tags.
  public var overheadBytes: Int
  /// How long a side waits for a sign of life before it drops the link. Each silence draws
  /// between three quarters of this and the whole: the last heartbeat came some time before.
  public var silenceMax: Duration
  /// How long an attempt to open a link lasts before it is given up.
  public var dialMax: Duration
  /// How long the peer of a link that broke is looked for before the link counts as down.
  public var probeMax: Duration
  /// How late an alarm rings, drawn from zero to this.
  public var alarmDelayMax: Duration

  public init(
    latency: ClosedRange<Duration>, jitter: Duration, bytesPerSecond: Int,
    overheadBytes: Int = 32, silenceMax: Duration = .seconds(2), dialMax: Duration = .seconds(5),
    probeMax: Duration = .seconds(1), alarmDelayMax: Duration = .microseconds(100)
  ) {
    precondition(bytesPerSecond > 0, "a link needs at least 1 byte/s, got \(bytesPerSecond)")
    self.latency = latency
    self.jitter = jitter
    self.bytesPerSecond = bytesPerSecond
    self.overheadBytes = overheadBytes
    self.silenceMax = silenceMax
    self.dialMax = dialMax
    self.probeMax = probeMax
    self.alarmDelayMax = alarmDelayMax
  }

  /// One room: 0.1 to 0.3 ms one way, 1 Gbit/s.
  public static let lan = LinkModel(
    latency: .microseconds(100) ... .microseconds(300), jitter: .microseconds(100),
    bytesPerSecond: 125_000_000)

  /// Across a continent: 10 to 60 ms one way, 100 Mbit/s.
  public static let wan = LinkModel(
    latency: .milliseconds(10) ... .milliseconds(60), jitter: .milliseconds(5),
    bytesPerSecond: 12_500_000)
}
