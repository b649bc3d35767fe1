// SPDX-License-Identifier: Apache-2.0

import FerryPlanning

/// How long an operation should take over links that differ.
///
/// Pieces follow each other through all hops at once, so the time is that of the busiest link or line
/// for all that passes it, and one piece's way through the longest chain of hops. Lines are full
/// duplex; a rank's line is as fast as the fastest that was measured over it, and the one between two
/// rooms as fast as the fastest pair across. Ways in stages, which do not overlap, cost the sum of
/// their stages.
package struct PathCost {
  /// What a hop costs beside the link: a wake-up and a seal at either end.
  package static let hopSeconds = 1e-4

  /// What is left of a line over which several flows go at once: its queue overflows, and what is lost
  /// is sent again. In the laboratory, where the queue before 50 Mbit/s holds 40 ms, three flows
  /// reached 80 to 90 % of what one does.
  package static let crowdedShare = 0.85
  /// The same where links are long, and what was lost comes a round trip later: 64 MiB among four took
  /// 1.5 times as long directly as round a ring.
  package static let crowdedShareLong = 0.65

  package let map: PathMap

  private let rooms: [Int]

  package init(map: PathMap) {
    self.map = map
    rooms = map.rooms()
  }

  /// Seconds for a task by a plan that suits it.
  package func time(_ plan: PathPlan, _ task: PathTask) -> Double {
    let world = map.count
    let bytes = Double(task.bytes)
    switch plan.algorithm {
    case .oneShot:
      var load = Load(map, rooms)
      for from in 0..<world { for to in 0..<world where to != from { load.add(from, to, bytes) } }
      return load.busiest + slowestHop(bytes: 0)
    case .halvingDoubling: return halvingDoubling(bytes)
    default: return routed(plan, task)
    }
  }

  private func routed(_ plan: PathPlan, _ task: PathTask) -> Double {
    let world = map.count
    let route = task.route(plan, world: world)
    let segments = task.segments(plan, of: route)
    let longest = segments.max() ?? 0
    let piece = min(
      longest,
      min(
        max(longest / Double(Pieces.perSegment), Double(Pieces.byteCountMin)),
        Double(Pieces.byteCountMax(areLinksFast: plan.topology.areLinksFast))))
    var load = Load(map, rooms)
    var chain = 0.0
    for (segment, size) in segments.enumerated() where size > 0 {
      var (up, down) = (Way(), Way())
      for rank in 0..<world {
        if task.isSummed {
          if let sink = route.sink(of: rank, segment) { load.add(rank, sink, size) }
          up = max(up, way(from: rank, piece) { route.sink(of: $0, segment) })
        }
        if task.isSpread {
          if let source = route.upstream(of: rank, segment) { load.add(source, rank, size) }
          down = max(
            down, way(from: rank, piece, isBackwards: true) { route.upstream(of: $0, segment) })
        }
      }
      // The slowest hop is busy with all pieces, this one among them.
      chain = max(chain, up.time + down.time - max(up.slowest, down.slowest))
    }
    return load.busiest + chain
  }

  /// One piece's time along a chain of hops, and the longest that one of them takes to send it.
  private struct Way: Comparable {
    var time = 0.0
    var slowest = 0.0

    static func < (one: Way, other: Way) -> Bool { one.time < other.time }
  }

  private func way(
    from rank: Int, _ piece: Double, isBackwards: Bool = false, next: (Int) -> Int?
  ) -> Way {
    var (at, way, hops) = (rank, Way(), 0)
    while let to = next(at), hops < map.count {
      let link = isBackwards ? (to, at) : (at, to)
      way.time += hop(link.0, link.1, piece)
      way.slowest = max(way.slowest, piece / map.speed(link.0, link.1))
      at = to
      hops += 1
    }
    return way
  }

  private func hop(_ from: Int, _ to: Int, _ bytes: Double) -> Double {
    map.latency(from, to) + Self.hopSeconds + bytes / map.speed(from, to)
  }

  private func slowestHop(bytes: Double) -> Double {
    var slowest = 0.0
    for from in 0..<map.count {
      for to in 0..<map.count where to != from { slowest = max(slowest, hop(from, to, bytes)) }
    }
    return slowest
  }

  private func halvingDoubling(_ bytes: Double) -> Double {
    let levels = Int.bitWidth - 1 - map.count.leadingZeroBitCount
    let core = 1 << levels
    let extras = (core..<max(core, map.count)).map { ($0, $0 - core) }
    var time = stage(extras, bytes) + stage(extras.map { ($1, $0) }, bytes)
    for level in 0..<levels {
      let pairs = (0..<core).map { ($0, $0 ^ (core >> (level + 1))) }
      time += 2 * stage(pairs, bytes / Double(2 << level))
    }
    return time
  }

  /// What all send at once, and wait for.
  private func stage(_ pairs: [(from: Int, to: Int)], _ bytes: Double) -> Double {
    var load = Load(map, rooms)
    var first = 0.0
    for (from, to) in pairs {
      load.add(from, to, bytes)
      first = max(first, hop(from, to, 0))
    }
    return first + load.busiest
  }

  /// What passes each link and each line.
  private struct Load {
    let map: PathMap
    let rooms: [Int]
    private var links: [Double]
    private var sent: [Double]
    private var received: [Double]
    /// To how many, and from how many.
    private var flowsOut: [Int]
    private var flowsIn: [Int]

    init(_ map: PathMap, _ rooms: [Int]) {
      self.map = map
      self.rooms = rooms
      links = Array(repeating: 0, count: map.count * map.count)
      sent = Array(repeating: 0, count: map.count)
      received = sent
      flowsOut = Array(repeating: 0, count: map.count)
      flowsIn = flowsOut
    }

    mutating func add(_ from: Int, _ to: Int, _ bytes: Double) {
      if links[from * map.count + to] == 0 {
        flowsOut[from] += 1
        flowsIn[to] += 1
      }
      links[from * map.count + to] += bytes
      sent[from] += bytes
      received[to] += bytes
    }

    private func share(_ flows: Int) -> Double {
      guard flows > 1 else { return 1 }
      return map.isShort ? PathCost.crowdedShare : PathCost.crowdedShareLong
    }

    /// Seconds of whatever takes longest.
    var busiest: Double {
      var time = 0.0
      for rank in 0..<map.count {
        let (out, into) = (share(flowsOut[rank]), share(flowsIn[rank]))
        time = max(
          time, sent[rank] / (map.sends[rank] * out),
          received[rank] / (map.receives[rank] * into))
        for to in 0..<map.count where to != rank {
          time = max(time, links[rank * map.count + to] / map.speed(rank, to))
        }
      }
      return max(time, busiestBetweenRooms)
    }

    private var busiestBetweenRooms: Double {
      let count = (rooms.max() ?? 0) + 1
      var load = [Double](repeating: 0, count: count * count)
      var speed = load
      for from in 0..<map.count {
        for to in 0..<map.count where rooms[from] != rooms[to] {
          let between = rooms[from] * count + rooms[to]
          load[between] += links[from * map.count + to]
          speed[between] = max(speed[between], map.speed(from, to))
        }
      }
      return zip(load, speed).map { $0 > 0 ? $0 / $1 : 0 }.max() ?? 0
    }
  }
}
