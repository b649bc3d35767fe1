// SPDX-License-Identifier: Apache-2.0

import FerryPlanning

/// The measured links between those who take part, by rank.
package struct PathMap: Sendable, Equatable {
  /// Speeds that differ by so many steps of `PathFigure` are alike: a factor of 2.8. Those of links
  /// that are really alike were seen to differ by more than two on busy machines.
  static let alikeSpeedSteps = 6
  /// Round trips that differ by so many steps are alike.
  static let alikeSteps = 3
  /// Round trips up to this are all the same to a plan: processors are no more regular.
  static let shortTrip = 0.005

  package let count: Int
  /// Bytes a second, from one rank to another.
  private let speeds: [Double]
  /// Seconds, one way.
  private let latencies: [Double]
  /// The fastest that a rank was seen to send, and to receive: its own line.
  let sends: [Double]
  let receives: [Double]
  /// All links are as fast as each other, and as long.
  package let isEven: Bool
  /// All round trips are up to `shortTrip`.
  package let isShort: Bool
  /// All links are alike, and as fast as counts: processors limit.
  package let isFast: Bool

  /// - Parameters:
  ///   - speed: of the way from one rank to another, as `PathFigure`; 0 is not known.
  ///   - trip: of the round trip between them, in microseconds.
  /// - Returns: nil while anything is not known, or there is no choice.
  package init?(
    _ count: Int, speed: (_ from: Int, _ to: Int) -> UInt8,
    trip: (_ from: Int, _ to: Int) -> UInt8
  ) {
    guard (3...PathProbe.membersMax).contains(count) else { return nil }
    self.count = count
    var (speeds, latencies) = (
      [Double](repeating: 0, count: count * count), [Double](repeating: 0, count: count * count)
    )
    var (sends, receives) = (
      [Double](repeating: 0, count: count), [Double](repeating: 0, count: count)
    )
    var (speedCodes, tripCodes): ([UInt8], [UInt8]) = ([], [])
    for from in 0..<count {
      for to in 0..<count where to != from {
        let codes = (speed(from, to), trip(from, to))
        guard let value = PathFigure.value(codes.0), let trip = PathFigure.value(codes.1)
        else { return nil }
        speedCodes.append(codes.0)
        tripCodes.append(codes.1)
        speeds[from * count + to] = value
        latencies[from * count + to] = trip / 2e6
        sends[from] = max(sends[from], value)
        receives[to] = max(receives[to], value)
      }
    }
    func spread(_ codes: [UInt8]) -> Int { Int(codes.max()!) - Int(codes.min()!) }
    isShort = PathFigure.value(tripCodes.max()!)! <= Self.shortTrip * 1e6
    isEven =
      spread(speedCodes) <= Self.alikeSpeedSteps
      && (isShort || spread(tripCodes) <= Self.alikeSteps)
    let usualSpeed = speedCodes.sorted()[speedCodes.count / 2]
    isFast = isEven && usualSpeed >= PathFigure.code(PathProbe.speedMax)
    if isEven {
      // What still differs is noise: no way should seem better for it.
      let speed = PathFigure.value(usualSpeed)!
      let trip = PathFigure.value(tripCodes.sorted()[tripCodes.count / 2])!
      speeds = speeds.map { $0 > 0 ? speed : 0 }
      latencies = latencies.map { $0 > 0 ? trip / 2e6 : 0 }
      (sends, receives) = (sends.map { _ in speed }, receives.map { _ in speed })
    }
    (self.speeds, self.latencies, self.sends, self.receives) = (speeds, latencies, sends, receives)
  }

  func speed(_ from: Int, _ to: Int) -> Double { speeds[from * count + to] }
  func latency(_ from: Int, _ to: Int) -> Double { latencies[from * count + to] }
  /// What a rank can pass on: the slower of its two directions.
  func pace(_ rank: Int) -> Double { min(sends[rank], receives[rank]) }

  /// For the search of a ring.
  var matrix: PairMatrix? {
    guard var matrix = try? PairMatrix(members: count) else { return nil }
    for from in 0..<count {
      for to in 0..<count where to != from {
        let latency = Duration.nanoseconds(Int64(latency(from, to) * 1e9))
        let link = PairLink(latency: latency, bytesPerSecond: speed(from, to))
        guard (try? matrix.set(from: from, to: to, link)) != nil else { return nil }
      }
    }
    return matrix
  }

  /// Partitions into ranks that are near each other, by speed and by latency: at least two parts, one
  /// of them with more than one rank.
  package var islands: [[[Int]]] {
    var found: [[[Int]]] = []
    func consider(_ isNear: (Int, Int) -> Bool) {
      var part = Array(0..<count)
      for a in 0..<count {
        for b in 0..<a where isNear(a, b) && isNear(b, a) && part[a] != part[b] {
          let (keep, drop) = (min(part[a], part[b]), max(part[a], part[b]))
          for rank in part.indices where part[rank] == drop { part[rank] = keep }
        }
      }
      let parts = Set(part).sorted().map { name in part.indices.filter { part[$0] == name } }
      guard parts.count > 1, parts.count < count, !found.contains(parts),
        found.count < Self.partitionsMax
      else { return }
      found.append(parts)
    }
    for speed in Set(speeds.filter { $0 > 0 }).sorted(by: >) {
      consider { self.speed($0, $1) >= speed }
    }
    for latency in Set(latencies).sorted() where latency > Self.shortTrip / 2 {
      consider { self.latency($0, $1) < latency }
    }
    return found
  }

  /// The room of each rank: what lies between rooms is clearly slower than what lies within, and most
  /// likely one line for all who pass it. All 0 where there are none.
  func rooms() -> [Int] {
    let none = [Int](repeating: 0, count: count)
    for parts in islands.sorted(by: { $0.count < $1.count }) {
      var room = none
      for (name, part) in parts.enumerated() { for rank in part { room[rank] = name } }
      var (within, between) = (Double.infinity, 0.0)
      for from in 0..<count {
        for to in 0..<count where to != from {
          if room[from] == room[to] {
            within = min(within, speed(from, to))
          } else {
            between = max(between, speed(from, to))
          }
        }
      }
      if between * Self.roomGap <= within { return room }
    }
    return none
  }

  /// Within a room links are so many times faster than between rooms.
  private static let roomGap = 2.8

  /// More ways to part the ranks are not looked at.
  static let partitionsMax = 8
}
