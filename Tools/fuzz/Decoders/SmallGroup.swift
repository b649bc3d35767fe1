// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryPeers
import FerryTensors

/// A member of a group of three that hears whatever its fellows may say: admitted peers can be
/// broken, too.
struct SmallGroup {
  static let fellows: [Member] = (0..<3).map {
    Member(
      id: PeerID(bytes: [UInt8](repeating: UInt8($0 + 1), count: PeerID.byteCount))!,
      incarnation: UInt64($0))
  }
  static let state: [Float] = [1, 2, 3]
  static let values: [Float] = [1, 2, 3, 4, 5]
  static let grownUp: Duration = .seconds(3)

  /// One of each algorithm.
  static let all: [SmallGroup] = AllReduceAlgorithm.allCases.map(SmallGroup.init)

  /// The youngest, a moment after the group was complete.
  private(set) var member: GroupLogic
  /// What it heard in the next second, of a round and of a call of every kind.
  private(set) var heard: [(from: Int, payload: [UInt8])] = []

  private var logics: [GroupLogic]
  private var queue: [(from: Int, to: Int, frame: Frame)] = []
  private var wakes = [Duration?](repeating: nil, count: 3)
  private var now: Duration = .zero

  private init(_ algorithm: AllReduceAlgorithm) {
    var settings = GroupLogic.Settings(algorithm: algorithm, seed: Seed(1))
    settings.resultBytesMax = Self.resultBytesMax
    logics = Self.fellows.map { GroupLogic(me: $0, settings: settings) }
    member = logics[2]
    let server = StateServer(
      SharedState(round: 0, tensors: [(name: "sum", values: Self.state)], note: []))
    take(logics[0].found(server, at: now), of: 0)
    for peer in 1..<3 {
      take(logics[peer].seek(PeerAddress(host: "h", port: UInt16(peer)), at: now), of: peer)
    }
    for a in 0..<3 {
      for b in 0..<3 where a != b {
        take(logics[a].handle(.linked(Self.fellows[b], address: nil), at: now), of: a)
      }
    }
    run(until: Self.grownUp)
    member = logics[2]
    precondition(
      member.view?.members.count == 3 && member.committed == 0, "the group is not complete")
    heard = []
    for peer in 0..<3 {
      take(logics[peer].contribute(Self.contribution(1), at: now), of: peer)
      for number in Self.calls.indices {
        take(
          logics[peer].call(
            Self.calls[number](peer), on: Channel(tag: UInt64(number)), id: UInt64(number),
            until: now + .seconds(60), at: now), of: peer)
      }
    }
    run(until: now + .seconds(1))
    precondition(logics[2].committed == 1, "no round was committed")
  }

  private mutating func take(_ actions: [LinkAction], of peer: Int) {
    for action in actions {
      switch action {
      case .send(let id, let frame):
        guard let to = Self.fellows.firstIndex(where: { $0.id == id }) else { continue }
        queue.append((peer, to, frame))
      case .wake(let at): wakes[peer] = at
      case .dial, .hangUp: break
      }
    }
    for case .loaded(let state) in logics[peer].takeNotices() {
      take(logics[peer].publish(StateServer(state), at: now), of: peer)
    }
  }

  private mutating func run(until end: Duration) {
    while now < end {
      while !queue.isEmpty {
        let (from, to, frame) = queue.removeFirst()
        if to == 2 { heard.append((from, frame.payload)) }
        take(logics[to].handle(.received(Self.fellows[from], frame), at: now), of: to)
      }
      now += .milliseconds(50)
      for peer in 0..<3 where wakes[peer].map({ $0 <= now }) ?? false {
        wakes[peer] = nil
        take(logics[peer].handle(.woke, at: now), of: peer)
      }
    }
  }

  private static func contribution(_ round: UInt64) -> Contribution {
    Contribution(round: round, values: values, weight: 1, note: [])
  }

  /// By the number of the peer that makes them, each on the channel of its number.
  static let calls: [@Sendable (Int) -> Call] = [
    { _ in .allReduce(.f32(values), .mean) },
    { .allReduce(.i32([Int32($0), 2, 3]), .max) },
    { _ in .reduceScatter(.f64([1, 2, 3, 4])) },
    { .allGather(.u8([UInt8](repeating: 7, count: $0))) },
    { .broadcast(.f32($0 == 0 ? values : []), from: fellows[0].id, codec: .int8) },
    { .gather(.i64([Int64($0)]), to: fellows[2].id) },
    {
      $0 == 1
        ? .scatter(
          Dictionary(uniqueKeysWithValues: fellows.map { ($0.id, .u16([1, 2])) }), of: .u16,
          from: fellows[1].id) : .scatter(of: .u16, from: fellows[1].id)
    },
    { _ in .allToAll(Dictionary(uniqueKeysWithValues: fellows.map { ($0.id, .bool([true])) }), of: .bool) },
    { _ in .barrier },
  ]

  /// An operation's result is made whole as soon as all have said how much they give; this is all
  /// that the group allows, so that the meter of allocations sees whoever takes more.
  static let resultBytesMax = 64 << 10

  /// What happens in a step; the length after it says what, when or for whom.
  enum Step: UInt8, CaseIterable { case fromFirst, fromSecond, contribute, call, later, unlink }

  /// The first byte chooses the algorithm; then steps: what happens, a length, so many bytes.
  static func hear(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    var logic = all[Int(first) % all.count].member
    var now = grownUp
    var at = 1
    while at + 3 <= bytes.count {
      let step = Step.allCases[Int(bytes[at]) % Step.allCases.count]
      let length = Int(bytes[at + 1]) | Int(bytes[at + 2]) << 8
      at += 3
      switch step {
      case .fromFirst, .fromSecond:
        let payload = Array(bytes[at..<min(at + length, bytes.count)])
        at += length
        let from = fellows[step == .fromFirst ? 0 : 1]
        let frame = Frame(.exchange, payload)
        _ = logic.handle(.received(from, frame), at: now)
      case .contribute: _ = logic.contribute(contribution(logic.committed + 1), at: now)
      case .call:
        let number = length % calls.count
        _ = logic.call(
          calls[number](2), on: Channel(tag: UInt64(number)), id: UInt64(number),
          until: now + .seconds(10), at: now)
      case .later:
        now += .milliseconds(length)
        _ = logic.handle(.woke, at: now)
      case .unlink: _ = logic.handle(.unlinked(fellows[length % 2], .closed("fuzz")), at: now)
      }
      _ = logic.takeNotices()
    }
  }

  /// The second that was heard, as `hear` takes it: a whole one is too long for a seed.
  func steps(algorithm: Int) -> [[UInt8]] {
    func step(_ step: Step, _ length: Int) -> [UInt8] {
      [step.rawValue, UInt8(length & 255), UInt8(length >> 8)]
    }
    let begin = [UInt8(algorithm)] + step(.contribute, 0)
    let calls = Self.calls.indices.flatMap { step(.call, $0) }
    var seeds: [[UInt8]] = []
    var seed = begin + calls
    for (from, payload) in heard where payload.count < 1024 {
      seed += step(from == 0 ? .fromFirst : .fromSecond, payload.count) + payload
      if seed.count > 3000 {
        seeds.append(seed + step(.later, 200))
        seed = begin + calls
      }
    }
    return seeds + [seed + step(.later, 200)]
  }
}
