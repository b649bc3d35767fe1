// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryPeers

/// A member with the production group logic and a worker that takes simulated time and adds numbers.
///
/// Its state is the running sum of all results; its contribution to a round depends on who it is
/// and on the state, so that a lost, doubled or half applied round shows in every later digest.
struct ToyMember: PeerLogic {
  var group: GroupLogic
  private(set) var state: [Float]
  /// Round to the digest of the state after it, as far as this life of the peer has seen.
  private(set) var digests: [UInt64: [UInt8]] = [:]
  /// Round to the notes of those who took part.
  private(set) var records: [UInt64: [[UInt8]]] = [:]
  private(set) var reasons: [String] = []
  private(set) var evictions = 0
  private(set) var loads = 0
  /// Flips a bit of the state now and then: the planted fault that the checkers must see.
  var corruptsAt: UInt64?
  /// Operations beside the rounds.
  private(set) var calls: ToyCalls
  private var chance: SplitMix64
  private let workMax: Duration
  private var workUntil: Duration?
  private var workRound: UInt64 = 0
  private var workWeight: Double = 1
  private var groupWake: Duration?

  init(
    me: Member, settings: GroupLogic.Settings, founds: Bool, seek addresses: [PeerAddress],
    workMax: Duration, seed: Seed, elements: Int = 64
  ) {
    state = Array(repeating: 0, count: elements)
    group = GroupLogic(me: me, settings: settings)
    chance = SplitMix64(seed.derived("worker", me.incarnation))
    calls = ToyCalls(
      me: me, pauseMax: workMax, seed: seed.derived("calls", me.incarnation),
      longest: elements)
    self.workMax = workMax
    self.founds = founds
    self.addresses = addresses
  }

  private let founds: Bool
  private let addresses: [PeerAddress]
  private var hasBegun = false
  /// Whom to ask first what the run is, as `ferry join` does; then it is the only address known.
  var through: PeerAddress?
  private var askAgainAt: Duration = .zero

  mutating func handle(_ event: LinkEvent, at now: Duration) -> [LinkAction] {
    var actions: [LinkAction] = []
    if !hasBegun {
      hasBegun = true
      if founds { actions += group.found(server(round: 0), at: now) }
      calls.isIn = founds
      for address in addresses { actions += group.seek(address, at: now) }
    }
    if let through, now >= askAgainAt {
      askAgainAt = now + .milliseconds(500)
      actions += group.askCharter(at: through, at: now)
    }
    actions += group.handle(event, at: now)
    return finish(actions, at: now)
  }

  private func server(round: UInt64) -> StateServer {
    StateServer(SharedState(round: round, tensors: [(name: "sum", values: state)], note: []))
  }

  /// Does the worker's part until nothing is left to do, and merges both sides' wake-ups.
  private mutating func finish(_ first: [LinkAction], at now: Duration) -> [LinkAction] {
    var actions = first
    while true {
      let notices = group.takeNotices()
      if notices.isEmpty {
        if let next = calls.due(at: now) {
          actions += group.call(
            next.call, on: next.channel, id: next.id, until: now + .seconds(1000), at: now)
          continue
        }
        guard let until = workUntil, now >= until else { break }
        workUntil = nil
        actions += group.contribute(contribution(), at: now)
        continue
      }
      for notice in notices { actions += take(notice, at: now) }
    }
    var out: [LinkAction] = []
    for action in actions {
      if case .wake(let at) = action { groupWake = at } else { out.append(action) }
    }
    let wakes = [groupWake, workUntil, calls.nextDue].compactMap(\.self)
    if let wake = wakes.min() { out.append(.wake(at: max(wake, now + .milliseconds(1)))) }
    return out
  }

  private mutating func take(_ notice: GroupNotice, at now: Duration) -> [LinkAction] {
    switch notice {
    case .opened(let round, let view):
      workRound = round
      workWeight = view.rank(of: group.me) == nil ? 0 : Double(1 + view.rank(of: group.me)!)
      let share = Double.random(in: 0...1, using: &chance)
      workUntil = workWeight == 0 ? now : now + workMax * share
      return []
    case .committed(let outcome):
      for i in state.indices { state[i] += outcome.values[i] }
      if corruptsAt == outcome.round { state[3] += 1 }
      let server = server(round: outcome.round)
      digests[outcome.round] = server.digest
      records[outcome.round] = outcome.contributors.filter { $0.weight > 0 }.map(\.note)
      return group.publish(server, at: now)
    case .loaded(let loaded):
      loads += 1
      state = loaded.tensors[0].values
      digests[loaded.round] = server(round: loaded.round).digest
      calls.isIn = true
      return []
    case .changed(_, let reason):
      reasons.append(reason)
      return []
    case .evicted(let reason):
      evictions += 1
      reasons.append("evicted: \(reason)")
      workUntil = nil
      calls.isIn = false
      return []
    case .charter:
      guard let address = through else { return [] }
      through = nil
      return group.seek(address, at: now)
    case .finished(let id, let result):
      calls.finished(id, result, at: now)
      return []
    case .stopped, .received, .hurried: return []
    }
  }

  private func contribution() -> Contribution {
    let base = Float(truncatingIfNeeded: group.me.incarnation % 97) / 97
    let values = state.indices.map { i in
      base + Float(i) / 64 + Float(workRound % 5) * 0.1 - state[i] * 0.01
    }
    var note = ByteWriter()
    note.put(group.me)
    note.put(workRound)
    return Contribution(round: workRound, values: values, weight: workWeight, note: note.bytes)
  }
}

extension Float {
  fileprivate init(truncatingIfNeeded value: UInt64) { self = Float(value) }
}
