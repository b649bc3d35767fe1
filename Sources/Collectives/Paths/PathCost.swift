// SPDX-License-Identifier: Apache-2.0

import FerryPlanning

/// How long an all-reduce should take over links that differ.
///
/// Pieces follow each other through all hops at once, so the time is that of the busiest link or line
/// for all that passes it, and one piece's way through the longest chain of hops. Lines are full
/// duplex; a rank's line is as fast as the fastest that was measured over it. Ways in stages, which do
/// not overlap, cost the sum of their slowest links.
struct PathCost {
  /// What a hop costs beside the link: a wake-up and a seal at either end.
  static let hopSeconds = 1e-4

  let map: PathMap

  /// Seconds for `bytes` of encoded vector.
  func time(_ plan: PathPlan, bytes: Int) -> Double {
    let world = map.count
    let bytes = Double(bytes)
    switch plan.algorithm {
    case .oneShot:
      var load = Load(map)
      for from in 0..<world { for to in 0..<world where to != from { load.add(from, to, bytes) } }
      return load.busiest + slowestHop(bytes: 0)
    case .halvingDoubling: return halvingDoubling(bytes)
    default: return routed(plan, bytes)
    }
  }

  private func routed(_ plan: PathPlan, _ bytes: Double) -> Double {
    let world = map.count
    let route = plan.algorithm.route(world: world, topology: plan.topology)
    let shares = route.segmentCount == world ? plan.topology.shares : []
    let whole = shares.reduce(0, +)
    let segments = (0..<route.segmentCount).map {
      bytes * (shares.isEmpty ? 1 / Double(route.segmentCount) : shares[$0] / whole)
    }
    let longest = segments.max() ?? 0
    let piece = min(
      longest,
      min(
        max(longest / Double(Pieces.perSegment), Double(Pieces.byteCountMin)),
        Double(Pieces.byteCountMax)))
    var load = Load(map)
    var chain = 0.0
    for (segment, size) in segments.enumerated() where size > 0 {
      var (up, down) = (0.0, 0.0)
      for rank in 0..<world {
        if let sink = route.sink(of: rank, segment) { load.add(rank, sink, size) }
        if let source = route.upstream(of: rank, segment) { load.add(source, rank, size) }
        up = max(up, way(from: rank, piece) { route.sink(of: $0, segment) })
        down = max(
          down, way(from: rank, piece, isBackwards: true) { route.upstream(of: $0, segment) })
      }
      chain = max(chain, up + down)
    }
    return load.busiest + chain
  }

  /// One piece's time along a chain of hops.
  private func way(
    from rank: Int, _ piece: Double, isBackwards: Bool = false, next: (Int) -> Int?
  ) -> Double {
    var (at, time, hops) = (rank, 0.0, 0)
    while let to = next(at), hops < map.count {
      time += isBackwards ? hop(to, at, piece) : hop(at, to, piece)
      at = to
      hops += 1
    }
    return time
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
    var time = 0.0
    for extra in core..<max(core, map.count) {
      let partner = extra - core
      time = max(time, hop(extra, partner, bytes) + hop(partner, extra, bytes))
    }
    for level in 0..<levels {
      let size = bytes / Double(2 << level)
      var slowest = 0.0
      for rank in 0..<core {
        slowest = max(slowest, hop(rank, rank ^ (core >> (level + 1)), size))
      }
      time += 2 * slowest
    }
    return time
  }

  /// What passes each link and each line.
  private struct Load {
    let map: PathMap
    private var links: [Double]
    private var sent: [Double]
    private var received: [Double]

    init(_ map: PathMap) {
      self.map = map
      links = Array(repeating: 0, count: map.count * map.count)
      sent = Array(repeating: 0, count: map.count)
      received = sent
    }

    mutating func add(_ from: Int, _ to: Int, _ bytes: Double) {
      links[from * map.count + to] += bytes
      sent[from] += bytes
      received[to] += bytes
    }

    /// Seconds of whatever takes longest.
    var busiest: Double {
      var time = 0.0
      for rank in 0..<map.count {
        time = max(time, sent[rank] / map.sends[rank], received[rank] / map.receives[rank])
        for to in 0..<map.count where to != rank {
          time = max(time, links[rank * map.count + to] / map.speed(rank, to))
        }
      }
      return time
    }
  }
}
