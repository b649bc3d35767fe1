// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryPeers

/// A member of a group of three that hears whatever its fellows may say: admitted peers can be
/// broken, too.
enum SmallGroup {
  static let fellows: [Member] = (0..<3).map {
    Member(
      id: PeerID(bytes: [UInt8](repeating: UInt8($0 + 1), count: PeerID.byteCount))!,
      incarnation: UInt64($0))
  }
  static let state: [Float] = [1, 2, 3]
  static let values: [Float] = [1, 2, 3, 4, 5]

  /// The youngest of each group, a moment after the group was complete.
  static let members: [GroupLogic] = AllReduceAlgorithm.allCases.map(grown)
  static let grownUp: Duration = .seconds(3)

  private static func grown(_ algorithm: AllReduceAlgorithm) -> GroupLogic {
    var logics = fellows.map {
      GroupLogic(me: $0, settings: GroupLogic.Settings(algorithm: algorithm, seed: Seed(1)))
    }
    var queue: [(from: Int, to: Int, frame: Frame)] = []
    var wakes = [Duration?](repeating: nil, count: 3)
    func take(_ actions: [LinkAction], of peer: Int) {
      for action in actions {
        switch action {
        case .send(let id, let frame):
          guard let to = fellows.firstIndex(where: { $0.id == id }) else { continue }
          queue.append((peer, to, frame))
        case .wake(let at): wakes[peer] = at
        case .dial, .hangUp: break
        }
      }
      for case .loaded(let state) in logics[peer].takeNotices() {
        take(logics[peer].publish(StateServer(state), at: .zero), of: peer)
      }
    }
    let server = StateServer(
      SharedState(round: 0, tensors: [(name: "sum", values: state)], note: []))
    take(logics[0].found(server, at: .zero), of: 0)
    for peer in 1..<3 {
      take(logics[peer].seek(PeerAddress(host: "h", port: UInt16(peer)), at: .zero), of: peer)
    }
    for a in 0..<3 {
      for b in 0..<3 where a != b {
        take(logics[a].handle(.linked(fellows[b], address: nil), at: .zero), of: a)
      }
    }
    var now = Duration.zero
    while now < grownUp {
      while !queue.isEmpty {
        let (from, to, frame) = queue.removeFirst()
        take(logics[to].handle(.received(fellows[from], frame), at: now), of: to)
      }
      now += .milliseconds(50)
      for peer in 0..<3 where wakes[peer].map({ $0 <= now }) ?? false {
        wakes[peer] = nil
        take(logics[peer].handle(.woke, at: now), of: peer)
      }
    }
    precondition(
      logics[2].view?.members.count == 3 && logics[2].committed == 0, "the group is not complete")
    return logics[2]
  }

  /// The first byte chooses the algorithm; then steps: what happens, a length, so many bytes.
  static func hear(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    var logic = members[Int(first) % members.count]
    var now = grownUp
    var at = 1
    while at + 3 <= bytes.count {
      let (step, length) = (bytes[at], Int(bytes[at + 1]) | Int(bytes[at + 2]) << 8)
      let payload = Array(bytes[at + 3..<min(at + 3 + length, bytes.count)])
      at += 3 + length
      switch step % 6 {
      case 0, 1, 2:
        let frame = Frame(.exchange, payload)
        _ = logic.handle(.received(fellows[Int(step % 2)], frame), at: now)
      case 3:
        let contribution = Contribution(
          round: logic.committed + 1, values: values, weight: 1, note: [])
        _ = logic.contribute(contribution, at: now)
      case 4:
        now += .milliseconds(length)
        _ = logic.handle(.woke, at: now)
      default: _ = logic.handle(.unlinked(fellows[length % 2], .closed("fuzz")), at: now)
      }
      _ = logic.takeNotices()
    }
  }
}
