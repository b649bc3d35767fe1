// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers

// Links as `LinkLoop` has them: TCP, a greeting, heartbeats, and a second dial to learn whether a
// process whose link broke still lives.
extension Network {
  /// TCP's first wait before it sends a lost packet again, in nanoseconds; it doubles each time.
  static var retransmission: Int64 { 200_000_000 }
  static var resetReason: String { "Connection reset by peer" }
  static var closedReason: String { "the other side closed the connection" }
  /// The same packet is lost at most so many times in a row.
  static var lossesMax: Int { 5 }

  mutating func send(_ frame: Frame, from a: Int, to b: Int) {
    let pipe = writing[a * count + b]
    guard pipe >= 0, pipes[pipe ^ 1].isTold else {
      framesDropped += 1
      return
    }
    let bytes = frame.payload.count + links.overheadBytes
    bytesSent[a][Int(frame.purpose.rawValue)] += bytes
    guard !pipes[pipe].isBroken else {
      framesDropped += 1
      return
    }
    let pace = nanosecondsPerByte * max(slowness[a], slowness[b])
    let departure = max(now, pipes[pipe].freeAt) + Int64(Double(bytes) * pace)
    pipes[pipe].freeAt = departure
    var arrival = departure + latencies[a * count + b] + frameChance.below(jitter)
    if !isPeace {
      var losses = 0
      while losses < Self.lossesMax, frameChance.happens(loss) {
        arrival += Self.retransmission << Int64(losses)
        losses += 1
        counts[.loss] += 1
      }
      if frameChance.happens(delay) {
        arrival += frameChance.between(plan.delayLasting)
        counts[.delay] += 1
      }
      if frameChance.happens(reset) {
        framesDropped += 1
        breakLink(a, b)
        return
      }
    }
    append(.frame(frame), arriving: arrival, to: pipe)
    // Heartbeats wait behind a packet that is sent again and again.
    if arrival - now > silence, pipes[pipe].quietSince == nil { hush(pipe) }
  }

  /// Puts something at the end of a pipe; it cannot overtake what is in it.
  mutating func append(_ load: Pipe.Load, arriving arrival: Int64, to pipe: Int) {
    guard pipes[pipe].readerOpen else {
      framesDropped += 1
      return
    }
    let arrival = max(arrival, pipes[pipe].lastArrival)
    pipes[pipe].lastArrival = arrival
    let wasEmpty = pipes[pipe].items.isEmpty
    pipes[pipe].items.append(Pipe.Item(arrival: arrival, load: load))
    if wasEmpty { planArrival(pipe) }
  }

  /// Plans the arrival of a pipe's first item; an earlier plan is void.
  mutating func planArrival(_ pipe: Int) {
    pipes[pipe].arrivalEpoch &+= 1
    guard let first = pipes[pipe].items.first, pipes[pipe].floor < .max else { return }
    heap.push(
      .arrival, at: max(first.arrival, pipes[pipe].floor, now), index: pipe,
      epoch: pipes[pipe].arrivalEpoch)
  }

  mutating func arrive(_ pipe: Int) {
    if case .ending = pipes[pipe].items.first?.load, machines[pipes[pipe].to].stops > 0 {
      // A stopped process does not read, and so dials nobody; it looks again when it goes on.
      return
    }
    guard let item = pipes[pipe].items.popFirst() else { return }
    if pipes[pipe].quietSince != nil { listen(pipe) }
    let (from, to) = (pipes[pipe].from, pipes[pipe].to)
    let member = pipes[pipe].fromMember
    switch item.load {
    case .opening:
      pipes[pipe].isTold = true
      post(.event(.linked(member, address: machines[from].address)), to: to)
    case .frame(let frame): post(.event(.received(member, frame)), to: to)
    case .ending(.goodbye(let reason)):
      close(pipe)
      post(.event(.unlinked(member, .closed("it hung up: \(reason)"))), to: to)
      return
    case .ending(.broken(let reason)):
      let isTold = pipes[pipe].isTold
      close(pipe)
      if isTold {
        dial(machines[from].address, from: to, lost: Dial.Lost(member: member, reason: reason))
      }
      return
    }
    planArrival(pipe)
  }

  /// The pipe that `reader` reads what `writer` sends from, or -1.
  func reading(_ reader: Int, from writer: Int) -> Int {
    let pipe = writing[reader * count + writer]
    return pipe < 0 ? -1 : pipe ^ 1
  }

  /// The reader of a pipe closes its end of the connection.
  mutating func close(_ pipe: Int) {
    guard pipes[pipe].readerOpen else { return }
    let (from, to) = (pipes[pipe].from, pipes[pipe].to)
    pipes[pipe].readerOpen = false
    pipes[pipe].items.removeAll()
    pipes[pipe].arrivalEpoch &+= 1
    pipes[pipe].silenceEpoch &+= 1
    if writing[to * count + from] == pipe ^ 1 { writing[to * count + from] = -1 }
    if !pipes[pipe ^ 1].readerOpen { freePipes.append(pipe & ~1) }
  }

  mutating func hangUp(from a: Int, to b: Int, reason: String) {
    let pipe = writing[a * count + b]
    let slot = dialing[a * count + b]
    if slot >= 0, let lost = dials[slot].lost {
      dials[slot].lost = nil
      post(.event(.unlinked(lost.member, .hungUp(reason))), to: a)
      return
    }
    guard pipe >= 0, pipes[pipe ^ 1].isTold else { return }
    let member = pipes[pipe ^ 1].fromMember
    close(pipe ^ 1)
    if !pipes[pipe].isBroken {
      append(.ending(.goodbye(reason)), arriving: arrival(a, b), to: pipe)
    }
    post(.event(.unlinked(member, .hungUp(reason))), to: a)
  }

  /// Breaks the connection between two peers: frames under way are lost, both sides see the end.
  @discardableResult
  mutating func breakLink(_ a: Int, _ b: Int) -> Bool {
    let pipe = writing[a * count + b]
    guard pipe >= 0, !pipes[pipe].isBroken else { return false }
    counts[.reset] += 1
    for (way, from, to) in [(pipe, a, b), (pipe ^ 1, b, a)] {
      pipes[way].isBroken = true
      cutShort(way)
      append(.ending(.broken(Self.resetReason)), arriving: arrival(from, to), to: way)
    }
    return true
  }

  /// Loses what is under way in a pipe.
  mutating func cutShort(_ pipe: Int) {
    framesDropped += pipes[pipe].items.count
    pipes[pipe].items.removeAll()
    pipes[pipe].lastArrival = now
    pipes[pipe].arrivalEpoch &+= 1
  }

  /// When something small that leaves now arrives.
  mutating func arrival(_ a: Int, _ b: Int) -> Int64 {
    now + latencies[a * count + b] + frameChance.below(jitter)
  }

  // MARK: Silence

  /// Looks again whether heartbeats come through a pipe, after something changed.
  mutating func listen(_ pipe: Int) {
    guard pipe >= 0, pipes[pipe].readerOpen else { return }
    let (from, to) = (pipes[pipe].from, pipes[pipe].to)
    let isQuiet =
      cuts[from * count + to] > 0 || pipes[pipe].writerVanished || machines[from].stops > 0
    guard isQuiet != (pipes[pipe].quietSince != nil) else { return }
    if isQuiet {
      hush(pipe)
    } else {
      pipes[pipe].silenceEpoch &+= 1
      pipes[pipe].quietSince = nil
    }
  }

  /// From now on no heartbeat comes through a pipe.
  private mutating func hush(_ pipe: Int) {
    guard pipes[pipe].readerOpen else { return }
    pipes[pipe].silenceEpoch &+= 1
    pipes[pipe].quietSince = now
    let deadline = silence - frameChance.below(silence / 4)
    heap.push(.silence, at: now + deadline, index: pipe, epoch: pipes[pipe].silenceEpoch)
  }

  /// The reader of a pipe has heard nothing for too long and drops the link.
  mutating func fallSilent(_ pipe: Int) {
    guard pipes[pipe].readerOpen, let since = pipes[pipe].quietSince else { return }
    let (from, to) = (pipes[pipe].from, pipes[pipe].to)
    // A stopped reader cannot notice; it looks when it goes on.
    if machines[to].stops > 0 {
      heap.push(
        .silence, at: now + silence / 4, index: pipe, epoch: pipes[pipe].silenceEpoch)
      return
    }
    let (member, isTold) = (pipes[pipe].fromMember, pipes[pipe].isTold)
    close(pipe)
    pipes[pipe ^ 1].isBroken = true
    append(.ending(.broken(Self.closedReason)), arriving: arrival(to, from), to: pipe ^ 1)
    guard isTold else { return }
    post(.event(.unlinked(member, .silent(after: .nanoseconds(now - since)))), to: to)
  }
}
