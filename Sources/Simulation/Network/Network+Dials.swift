// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers

// How a link comes up.
extension Network {
  /// `LinkLoop` repeats after this a probe that was cut off, in nanoseconds.
  static var probeRetry: Int64 { 20_000_000 }

  /// Begins an attempt; `lost` is set when it is the link layer's own, after a link broke.
  mutating func dial(_ address: PeerAddress, from a: Int, lost: Dial.Lost?) {
    guard let b = indexOfAddress[address] else {
      post(.event(.unreachable(address, .closed("no such host"))), to: a)
      return
    }
    let pair = a * count + b
    guard a != b, writing[pair] < 0 else { return }
    if dialing[pair] >= 0 {
      // The attempt under way answers for the lost link too.
      if let lost, dials[dialing[pair]].lost == nil { dials[dialing[pair]].lost = lost }
      return
    }
    let slot = freeDials.popLast() ?? dials.count
    if slot == dials.count { dials.append(Dial()) }
    dials[slot] = Dial(
      from: a, to: b, life: machines[a].life, began: now,
      isProbe: lost != nil, lost: lost, isActive: true)
    dialing[pair] = slot
    heap.push(.dial, at: arrival(a, b) + latencies[pair], index: slot)
  }

  mutating func stepDial(_ slot: Int) {
    let attempt = dials[slot]
    let (a, b) = (attempt.from, attempt.to)
    guard attempt.isActive, machines[a].isAlive, machines[a].life == attempt.life else {
      freeDials.append(slot)
      return
    }
    let isCut = cuts[a * count + b] > 0 || cuts[b * count + a] > 0
    let isStopped = machines[a].stops > 0 || (machines[b].isAlive && machines[b].stops > 0)
    if isCut || isStopped || !machines[b].isPowered {
      let waited = now - attempt.began
      let limit = (attempt.isProbe ? links.probeMax : links.dialMax).worldNanoseconds
      guard waited < limit else { return fail(slot, .silent(after: .nanoseconds(waited))) }
      let pause = Self.retransmission << Int64(min(attempt.attempt, 6))
      dials[slot].attempt += 1
      dials[slot].stage = .knocking
      heap.push(.dial, at: min(now + pause, attempt.began + limit), index: slot)
    } else if !machines[b].isAlive {
      fail(slot, .processGone)
    } else if attempt.stage == .knocking {
      if !isPeace, faultChance.happens(refusal) {
        counts[.refusal] += 1
        if attempt.isProbe, now - attempt.began < links.probeMax.worldNanoseconds {
          heap.push(.dial, at: now + Self.probeRetry, index: slot)
          return
        }
        // Not `.processGone`: that is proof of a death, and this peer lives.
        return fail(slot, .closed("connection reset during the greeting"))
      }
      dials[slot].stage = .greeting
      heap.push(.dial, at: arrival(a, b) + 2 * latencies[a * count + b], index: slot)
    } else {
      release(slot)
      establish(a, b, lost: attempt.lost)
    }
  }

  /// Ends an attempt without a word.
  private mutating func release(_ slot: Int) {
    dialing[dials[slot].from * count + dials[slot].to] = -1
    dials[slot].isActive = false
    freeDials.append(slot)
  }

  private mutating func fail(_ slot: Int, _ cause: LossCause) {
    let attempt = dials[slot]
    release(slot)
    guard let lost = attempt.lost else {
      if attempt.isProbe { return }
      post(.event(.unreachable(machines[attempt.to].address, cause)), to: attempt.from)
      return
    }
    let told: LossCause =
      cause == .processGone ? .processGone : .closed(lost.reason)
    post(.event(.unlinked(lost.member, told)), to: attempt.from)
  }

  /// Both sides have a new link; what each had before to the other ends first.
  private mutating func establish(_ a: Int, _ b: Int, lost: Dial.Lost?) {
    if let lost { bury(lost.member, lost.reason, of: b, at: a) }
    for (x, y) in [(a, b), (b, a)] {
      let slot = dialing[x * count + y]
      if slot >= 0 {
        if let lost = dials[slot].lost { bury(lost.member, lost.reason, of: y, at: x) }
        // Its next step finds it inactive and frees it.
        dials[slot].isActive = false
        dialing[x * count + y] = -1
      }
      let old = reading(x, from: y)
      if old >= 0 {
        let (member, isTold) = (pipes[old].fromMember, pipes[old].isTold)
        close(old)
        if isTold { bury(member, "a newer link took its place", of: y, at: x) }
      }
    }
    let pipe = freePipes.popLast() ?? pipes.count
    if pipe == pipes.count {
      pipes.append(Pipe(member: machines[a].member))
      pipes.append(Pipe(member: machines[b].member))
    }
    for (way, from, to) in [(pipe, a, b), (pipe + 1, b, a)] {
      var fresh = Pipe(member: machines[from].member)
      (fresh.from, fresh.to, fresh.readerOpen) = (from, to, true)
      (fresh.freeAt, fresh.lastArrival, fresh.floor) = (now, now, now)
      fresh.arrivalEpoch = pipes[way].arrivalEpoch &+ 1
      fresh.silenceEpoch = pipes[way].silenceEpoch &+ 1
      pipes[way] = fresh
      writing[from * count + to] = way
    }
    append(.opening, arriving: arrival(a, b), to: pipe)
    append(.opening, arriving: now, to: pipe + 1)
    listen(pipe)
    listen(pipe + 1)
  }

  /// Tells `x` that its link to an earlier connection or life of `y` is over.
  private mutating func bury(_ member: Member, _ reason: String, of y: Int, at x: Int) {
    let cause: LossCause = member == machines[y].member ? .closed(reason) : .processGone
    post(.event(.unlinked(member, cause)), to: x)
  }
}
