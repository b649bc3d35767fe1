// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives

/// Carries chunks between machines of one collective: in order on each link, in any order between
/// links, and each rank starts when chance wants it, all from one seed.
struct Fabric<Machine: CollectiveMachine> {
  var machines: [Machine]
  /// Payload bytes each rank has sent.
  private(set) var bytesSent: [Int]
  private var links: [Link] = []
  private var chance: SplitMix64

  private struct Link {
    let from: Int
    let to: Int
    var queue: [[UInt8]] = []
  }

  init(_ machines: [Machine], order seed: Seed) {
    self.machines = machines
    bytesSent = Array(repeating: 0, count: machines.count)
    chance = SplitMix64(seed.derived("fabric"))
  }

  /// Until nothing is on its way.
  mutating func run() throws(CollectiveError) {
    var unstarted = Array(machines.indices)
    while true {
      let busy = links.indices.filter { !links[$0].queue.isEmpty }
      let choices = unstarted.count + busy.count
      guard choices > 0 else { return }
      let choice = Int(chance.next() % UInt64(choices))
      if choice < unstarted.count {
        let rank = unstarted.remove(at: choice)
        send(try machines[rank].start(), from: rank)
      } else {
        let link = busy[choice - unstarted.count]
        let bytes = links[link].queue.removeFirst()
        guard let chunk = try? Chunk(decoding: bytes) else { fatalError("a chunk does not decode") }
        let (from, to) = (links[link].from, links[link].to)
        send(try machines[to].receive(chunk, from: from), from: to)
      }
    }
  }

  private mutating func send(_ outgoing: [Outgoing], from rank: Int) {
    for message in outgoing {
      bytesSent[rank] += message.chunk.payload.count
      let bytes = message.chunk.encoded()
      if let link = links.firstIndex(where: { $0.from == rank && $0.to == message.rank }) {
        links[link].queue.append(bytes)
      } else {
        links.append(Link(from: rank, to: message.rank, queue: [bytes]))
      }
    }
  }
}

/// Values between -1 and 1, the same for the same seed.
func sample(_ count: Int, _ seed: Seed) -> [Float] {
  var chance = SplitMix64(seed)
  return (0..<count).map { _ in Float(Int32(truncatingIfNeeded: chance.next() >> 32)) / 0x1p31 }
}
