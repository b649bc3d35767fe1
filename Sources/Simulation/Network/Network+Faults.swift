// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers

// What goes wrong, and how it is set right again.
extension Network {
  /// A fault that lasts, and so must be undone.
  enum Ongoing {
    case cut([(from: Int, to: Int)])
    case stop(Int, life: UInt32)
    case slowness(Int, life: UInt32)
    case death(Int)
  }

  mutating func planFaults() {
    let until = plan.until.worldNanoseconds
    isPeace = until <= 0
    guard !isPeace else { return }
    heap.push(.peace, at: until)
    for kind in FaultKind.allCases {
      guard let recurrence = plan.recurring[kind] else { continue }
      precondition(Self.canRecur(kind), "\(kind) cannot recur; give it a chance or a script")
      let mean = recurrence.every.worldNanoseconds
      heap.push(.fault, at: faultChance.around(mean), index: kind.rawValue)
    }
    for (i, line) in plan.script.enumerated() {
      heap.push(.script, at: line.at.worldNanoseconds, index: i)
    }
  }

  static func canRecur(_ kind: FaultKind) -> Bool {
    switch kind {
    case .reset, .partition, .oneWayPartition, .crash, .powerLoss, .slowness, .stop: true
    case .loss, .delay, .refusal, .restart, .clockSkew, .disk: false
    }
  }

  // MARK: Recurring and scripted

  mutating func recur(_ kind: FaultKind) {
    guard !isPeace, let recurrence = plan.recurring[kind] else { return }
    heap.push(
      .fault, at: now + faultChance.around(recurrence.every.worldNanoseconds),
      index: kind.rawValue)
    let end = now + faultChance.between(recurrence.lasting)
    let living = machines.indices.filter { machines[$0].isAlive }
    switch kind {
    case .reset:
      let up = writing.indices.filter { writing[$0] >= 0 }
      if let pair = pick(up) { breakLink(pair / count, pair % count) }
    case .partition, .oneWayPartition:
      guard living.count > 1 else { return }
      var sides = living.map { _ in faultChance.next() & 1 == 0 }
      // Both groups need somebody.
      let odd = Int(faultChance.below(Int64(living.count)))
      sides[odd] = !sides[(odd + 1) % living.count]
      let left = zip(living, sides).filter(\.1).map(\.0)
      let right = zip(living, sides).filter { !$0.1 }.map(\.0)
      cut(kind, ways(from: left, to: right, both: kind == .partition), end: end)
    case .crash, .powerLoss:
      guard living.count > plan.livingMin, let victim = pick(living) else { return }
      let returns = faultChance.happens(Probability(plan.returnChance))
      kill(victim, kind, end: returns ? end : nil)
    case .slowness:
      if let victim = pick(living) {
        slow(victim, handling: faultChance.between(plan.slowHandling), end: end)
      }
    case .stop:
      if let victim = pick(living) { stop(victim, end: end) }
    case .loss, .delay, .refusal, .restart, .clockSkew, .disk: break
    }
  }

  private mutating func pick(_ choices: [Int]) -> Int? {
    choices.isEmpty ? nil : choices[Int(faultChance.below(Int64(choices.count)))]
  }

  mutating func play(_ line: ScriptedFault) {
    let end = line.lasting.map { now + $0.worldNanoseconds } ?? .max
    switch line.fault {
    case .partition(let groups):
      var all: [(from: Int, to: Int)] = []
      for (i, group) in groups.enumerated() {
        for other in groups[(i + 1)...] { all += ways(from: group, to: other, both: true) }
      }
      cut(.partition, all, end: end)
    case .oneWayPartition(let from, let to):
      cut(.oneWayPartition, ways(from: from, to: to, both: false), end: end)
    case .reset(let a, let b): breakLink(a, b)
    case .crash(let peer): kill(peer, .crash, end: line.lasting == nil ? nil : end)
    case .powerLoss(let peer): kill(peer, .powerLoss, end: line.lasting == nil ? nil : end)
    case .restart(let peer): bear(peer)
    case .slowness(let peer, let handling):
      slow(peer, handling: handling.worldNanoseconds, end: end)
    case .stop(let peer): stop(peer, end: end)
    }
  }

  private func ways(from: [Int], to: [Int], both: Bool) -> [(from: Int, to: Int)] {
    from.flatMap { a in
      to.flatMap { b in both ? [(from: a, to: b), (from: b, to: a)] : [(from: a, to: b)] }
    }
  }

  // MARK: Beginnings

  private mutating func cut(_ kind: FaultKind, _ ways: [(from: Int, to: Int)], end: Int64) {
    // A partition between the dead tests nothing, and is not counted.
    guard ways.contains(where: { machines[$0.from].isAlive && machines[$0.to].isAlive }) else {
      return
    }
    counts[kind] += 1
    for (a, b) in ways {
      cuts[a * count + b] += 1
      let pipe = reading(b, from: a)
      guard cuts[a * count + b] == 1, pipe >= 0 else { continue }
      pipes[pipe].floor = .max
      planArrival(pipe)
      listen(pipe)
    }
    keep(.cut(ways), until: end)
  }

  private mutating func stop(_ peer: Int, end: Int64) {
    guard machines[peer].isAlive else { return }
    counts[.stop] += 1
    machines[peer].stops += 1
    listenTo(peer)
    keep(.stop(peer, life: machines[peer].life), until: end)
  }

  private mutating func slow(_ peer: Int, handling: Int64, end: Int64) {
    guard machines[peer].isAlive else { return }
    counts[.slowness] += 1
    machines[peer].slows += 1
    machines[peer].handling = handling
    keep(.slowness(peer, life: machines[peer].life), until: end)
  }

  private mutating func kill(_ peer: Int, _ kind: FaultKind, end: Int64?) {
    guard machines[peer].isAlive else { return }
    counts[kind] += 1
    machines[peer].isAlive = false
    machines[peer].life &+= 1
    machines[peer].alarmEpoch &+= 1
    machines[peer].inbox.removeAll()
    (machines[peer].stops, machines[peer].slows) = (0, 0)
    (machines[peer].handling, machines[peer].busyUntil) = (0, 0)
    machines[peer].isPowered = kind != .powerLoss
    ready.append(Delivery(peer: peer, happening: .died(kind), life: machines[peer].life))
    for other in 0..<count where other != peer {
      let slot = dialing[peer * count + other]
      if slot >= 0 {
        dials[slot].isActive = false
        dialing[peer * count + other] = -1
      }
      // What it wrote may still arrive; what was on the way to it is gone.
      let toOther = reading(other, from: peer)
      let toPeer = reading(peer, from: other)
      if toPeer >= 0 { close(toPeer) }
      guard toOther >= 0, pipes[toOther].fromMember == machines[peer].member else { continue }
      if kind == .powerLoss {
        pipes[toOther].writerVanished = true
        listen(toOther)
      } else {
        // A kernel that still has unread input resets; otherwise it delivers, then closes.
        if faultChance.next() & 1 == 0 { cutShort(toOther) }
        append(.ending(.broken(Self.closedReason)), arriving: arrival(peer, other), to: toOther)
        // A stopped process that was killed is not silent any more.
        listen(toOther)
      }
    }
    if let end { keep(.death(peer), until: end) }
  }

  /// Starts a dead peer.
  mutating func bear(_ peer: Int) {
    guard !machines[peer].isAlive else { return }
    if machines[peer].lives > 0 { counts[.restart] += 1 }
    var random = SplitMix64(seed.derived("birth", UInt64(peer), machines[peer].lives))
    machines[peer].lives += 1
    machines[peer].life &+= 1
    machines[peer].isAlive = true
    machines[peer].member = Member(id: machines[peer].member.id, incarnation: random.next())
    let drift = Int64(plan.clockDriftPerMillionMax)
    let clock = SkewedClock(
      birth: now, offset: random.below(plan.clockOffsetMax.worldNanoseconds),
      driftPerMillion: random.below(2 * drift + 1) - drift)
    if clock.offset != 0 || clock.driftPerMillion != 0 { counts[.clockSkew] += 1 }
    machines[peer].clock = clock
    post(.born, to: peer)
    // A machine that was without power answers heartbeats of old connections with a reset.
    if !machines[peer].isPowered {
      machines[peer].isPowered = true
      for other in 0..<count where other != peer {
        let pipe = reading(other, from: peer)
        guard pipe >= 0, pipes[pipe].writerVanished else { continue }
        cutShort(pipe)
        append(.ending(.broken(Self.resetReason)), arriving: arrival(peer, other), to: pipe)
      }
    }
  }

  // MARK: Ends

  private mutating func keep(_ fault: Ongoing, until end: Int64) {
    let slot = ongoing.firstIndex { $0 == nil } ?? ongoing.count
    if slot == ongoing.count { ongoing.append(nil) }
    ongoing[slot] = fault
    // What would outlast the time of faults is ended by the peace.
    if end < plan.until.worldNanoseconds { heap.push(.faultEnd, at: end, index: slot) }
  }

  mutating func end(_ slot: Int) {
    guard let fault = ongoing[slot].take() else { return }
    switch fault {
    case .cut(let ways):
      for (a, b) in ways {
        cuts[a * count + b] -= 1
        let pipe = reading(b, from: a)
        guard cuts[a * count + b] == 0, pipe >= 0 else { continue }
        // TCP finds out with its next attempt.
        pipes[pipe].floor = now + frameChance.below(Self.retransmission)
        planArrival(pipe)
        listen(pipe)
      }
    case .stop(let peer, let life):
      guard machines[peer].life == life else { return }
      machines[peer].stops -= 1
      guard machines[peer].stops == 0 else { return }
      listenTo(peer)
      drain(peer)
      for other in 0..<count where other != peer {
        let pipe = reading(peer, from: other)
        if pipe >= 0 { planArrival(pipe) }
      }
    case .slowness(let peer, let life):
      guard machines[peer].life == life else { return }
      machines[peer].slows -= 1
      drain(peer)
    case .death(let peer): bear(peer)
    }
  }

  private mutating func listenTo(_ peer: Int) {
    for other in 0..<count where other != peer { listen(reading(other, from: peer)) }
  }

  /// Ends the time of faults: nothing new goes wrong, what lasts is set right.
  mutating func makePeace() {
    isPeace = true
    for slot in ongoing.indices { end(slot) }
  }
}
