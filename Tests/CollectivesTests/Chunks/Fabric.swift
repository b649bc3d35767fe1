// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives

/// Carries chunks between machines of one collective: in order on each link, in any order between
/// links, and each rank starts when chance wants it, all from one seed.
struct Fabric {
  /// One chunk that is about to be received.
  struct Delivery {
    let chunk: Chunk
    let from: Int
    let to: Int
  }

  var machines: [any CollectiveMachine]
  /// Payload bytes each rank has sent, and to whom.
  private(set) var bytesSent: [Int]
  private(set) var bytesBetween: [[Int]]
  private(set) var messages = 0
  private var links: [Link] = []
  private var chance: SplitMix64

  private struct Link {
    let from: Int
    let to: Int
    var queue: [[UInt8]] = []
  }

  init(_ machines: [any CollectiveMachine], order seed: Seed) {
    self.machines = machines
    bytesSent = Array(repeating: 0, count: machines.count)
    bytesBetween = machines.map { _ in Array(repeating: 0, count: machines.count) }
    chance = SplitMix64(seed.derived("fabric"))
  }

  /// Until nothing is on its way.
  ///
  /// - Parameters: what is done to a machine just before and after it receives a chunk.
  mutating func run(
    before: (Delivery, inout any CollectiveMachine) throws -> Void = { _, _ in },
    after: (Delivery, inout any CollectiveMachine) throws -> Void = { _, _ in }
  ) throws {
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
        let chunk = try Chunk(decoding: links[link].queue.removeFirst())
        let delivery = Delivery(chunk: chunk, from: links[link].from, to: links[link].to)
        try before(delivery, &machines[delivery.to])
        send(try machines[delivery.to].receive(chunk, from: delivery.from), from: delivery.to)
        try after(delivery, &machines[delivery.to])
      }
    }
  }

  private mutating func send(_ outgoing: [Outgoing], from rank: Int) {
    for message in outgoing {
      messages += 1
      bytesSent[rank] += message.chunk.payloadByteCount
      bytesBetween[rank][message.rank] += message.chunk.payloadByteCount
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
