// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import FerryTensors

/// Operations beside the rounds: announced, exchanged, held by all, finished; small ones are finished
/// once all have announced them.
extension GroupLogic {
  /// Takes a channel as far as what is here allows.
  mutating func advance(_ channel: UInt64, at now: Duration) -> [LinkAction] {
    var actions: [LinkAction] = []
    while channels[channel] != nil, view != nil, hasState, !membership.isFrozen {
      actions += announce(in: channel, at: now)
      guard channels[channel]?.exchange != nil else { return actions }
      actions += complete(channel, at: now)
      guard let exchange = channels[channel]?.exchange, exchange.trouble == nil,
        exchange.isComplete
      else { return actions }
      let odd = exchange.minority
      guard odd.isEmpty else {
        let reason = """
          the results of operation \(exchange.stage.round) of \(title(channel)) differ: \
          \(exchange.names(odd)) against the rest
          """
        return actions + pass(.trouble(reason: reason, without: odd), at: now)
      }
      let missed = channels[channel]!.missed
      conclude(channel)
      if let missed { actions += goOn(channel, after: missed, at: now) }
    }
    return actions
  }

  /// Takes the try under way as far as holding its result.
  private mutating func complete(_ channel: UInt64, at now: Duration) -> [LinkAction] {
    var actions: [LinkAction] = []
    if channels[channel]!.exchange!.isAssembled { actions += begin(channel, at: now) }
    if let trouble = channels[channel]?.exchange?.trouble {
      return actions + pass(.trouble(reason: trouble.reason, without: trouble.without), at: now)
    }
    if let output = channels[channel]?.exchange?.takeOutput() {
      actions += hold(.success(outcome(output, in: channel)), in: channel)
    }
    return actions
  }

  func title(_ channel: UInt64) -> String {
    names[channel].map { "\($0)" } ?? "channel \(channel)"
  }

  /// Those who take part in what a channel does next.
  private func participants(_ channel: UInt64) -> [Member] {
    if let begun = channels[channel]?.begun { return begun.members }
    return (view?.members ?? []).filter { names[channel]?.includes($0.id) ?? true }
  }

  /// Says that this member is ready for the next operation, once its caller is.
  private mutating func announce(in channel: UInt64, at now: Duration) -> [LinkAction] {
    guard let view, let number = channels[channel].map({ $0.committed + 1 }),
      channels[channel]?.exchange?.isAnnounced != true,
      let waiting = channels[channel]?.calls[number], hasGathered
    else { return [] }
    let members = participants(channel)
    guard members.contains(me) else { return [] }
    if channels[channel]?.exchange == nil {
      let viewNumber = channels[channel]?.begun?.view ?? view.number
      let stage = GroupMessage.Stage(channel: channel, view: viewNumber, round: number)
      channels[channel]!.exchange = Exchange(stage: stage, members: members, me: me)
      channels[channel]!.begun = (viewNumber, members)
    }
    var ready = ready(waiting, members, number: number, in: channel)
    if ready.refusal.isEmpty {
      ready.plan = proposedPlan(
        waiting.call.input.count, of: waiting.call.operation(among: members), among: members)
    }
    let actions = channels[channel]!.exchange!.announce(ready)
    note(channel)
    return actions + replayEarly(in: channel, at: now)
  }

  /// Of one operation, for codecs that round at random.
  private func seed(of number: UInt64, in channel: UInt64) -> Seed {
    settings.seed.derived("operation", channel, number)
  }

  private mutating func ready(
    _ waiting: ChannelState.Waiting, _ members: [Member], number: UInt64, in channel: UInt64
  ) -> GroupMessage.Ready {
    let call = waiting.call
    var ready = GroupMessage.Ready(
      weight: call.weight, note: call.note, operation: channels[channel]!.meaning(of: call),
      counts: call.counts(to: members, from: me.id).map(UInt64.init), refusal: waiting.refusal,
      stateDigest: channels[channel]!.lastDigest)
    if ready.refusal.isEmpty, let missing = call.missingEnd(among: members) {
      ready.refusal = missing
    }
    if ready.refusal.isEmpty, let reason = call.unsendable {
      ready.refusal = "\(me.id.short) cannot send its values: \(reason)"
    }
    ready.isWhole = call.operation.kind == .barrier
    guard ready.refusal.isEmpty, call.opensOnReady(world: members.count) else { return ready }
    ready.isWhole = true
    guard call.weight > 0 else { return ready }
    do {
      let opening = try call.opening(
        rank: members.firstIndex(of: me)!, world: members.count,
        seed: seed(of: number, in: channel))
      (ready.opening, ready.isWhole) = (opening.first?.encoded() ?? [], opening.count < 2)
    } catch {
      ready.refusal = "\(me.id.short) cannot send its values: \(error.what)"
    }
    return ready
  }

  /// All are ready: begins, or finds that nothing can come of it.
  private mutating func begin(_ channel: UInt64, at now: Duration) -> [LinkAction] {
    guard let said = channels[channel]?.exchange?.said,
      let number = channels[channel]?.exchange?.stage.round,
      let call = channels[channel]?.calls[number]?.call
    else { return [] }
    if channelsMovedAt == nil { isUnsettled = true }
    channelsMovedAt = now
    if let refusal = said.first(where: { !$0.refusal.isEmpty })?.refusal {
      return hold(
        .failure(
          CollectiveError(
            .cancelled, refusal, place: place(of: call, channel),
            remedy: "All members' calls ended so; make them again if it is still wanted.")),
        in: channel)
    }
    if let quarrel = channels[channel]!.exchange!.meaningsApart {
      return hold(
        .failure(
          CollectiveError(
            .mismatch, quarrel.reason, place: place(of: call, channel),
            remedy: "All members must make the same calls on a tag, in the same order.")),
        in: channel)
    }
    let apart = channels[channel]!.exchange!.pastsApart
    guard apart.isEmpty else {
      let reason = """
        the results of operation \(number - 1) of \(title(channel)) differ: \
        \(channels[channel]!.exchange!.names(apart)) against the rest
        """
      return pass(.trouble(reason: reason, without: apart), at: now)
    }
    if call.operation.kind == .barrier, said.allSatisfy(\.isWhole) {
      return hold(.success(outcome(Values(call.operation.elementType), in: channel)), in: channel)
    }
    let width = call.operation.elementType.byteWidth
    let bytes = call.operation.kind.gatheredCount(said.map(\.counts)) * Double(width)
    guard bytes <= Double(settings.resultBytesMax) else {
      return hold(
        .failure(
          CollectiveError(
            .tooMany,
            "the members give \(Int(min(bytes, 0x1p62))) bytes, above \(settings.resultBytesMax)",
            place: place(of: call, channel),
            remedy: "Give less, or let resultBytesMax be more on all members.")), in: channel)
    }
    do {
      let members = channels[channel]!.exchange!.members
      let stage = channels[channel]!.exchange!.stage
      guard let operation = followPlan(of: call, in: channel) else { return [] }
      let machine = try operation.machine(
        rank: members.firstIndex(of: me)!, weights: said.map(\.weight),
        input: call.given(to: members, from: me.id),
        counts: said.map { $0.counts.map { Int(clamping: $0) } },
        seed: seed(of: number, in: channel),
        chunkPrefix: GroupMessage.chunkPrefix(stage))
      return try channels[channel]!.exchange!.begin(
        machine, opened: call.opensOnReady(world: members.count))
    } catch {
      // What all were told does not fit together: all come to the same end.
      return hold(.failure(error), in: channel)
    }
  }

  private func outcome(_ output: Values, in channel: UInt64) -> CallOutcome {
    let exchange = channels[channel]!.exchange!
    let call = channels[channel]!.calls[exchange.stage.round]!.call
    return CallOutcome(
      number: exchange.stage.round,
      contributors: zip(exchange.members, exchange.said).map { member, ready in
        Contributor(member: member, weight: ready.weight, note: ready.note)
      }, values: output,
      counts: call.operation.kind.cameFrom(
        exchange.said.map { $0.counts.map { Int(clamping: $0) } }, rank: exchange.rank(of: me)!,
        root: call.operation(among: exchange.members).root))
  }

  /// This member holds its complete result: tells the others, but finishes only when all do, or can.
  private mutating func hold(
    _ outcome: Result<CallOutcome, CollectiveError>, in channel: UInt64
  ) -> [LinkAction] {
    let exchange = channels[channel]!.exchange!
    let seed = settings.seed.derived("digest", channel, exchange.stage.round)
    let call = channels[channel]!.calls[exchange.stage.round]!.call
    let digest: [UInt8] =
      switch outcome {
      case .success(let outcome) where call.operation.kind.isReplicated:
        outcome.values.digest(seed: seed, then: exchange.record)
      case .success: Digest.sha256(of: exchange.record)
      case .failure(let error): Digest.sha256(of: Array(error.codeName.utf8))
      }
    channels[channel]!.outcome = outcome
    let listeners = (view?.members ?? []).filter { names[channel]?.includes($0.id) ?? true }
    let actions = channels[channel]!.exchange!.hold(digest, listeners: listeners)
    note(channel)
    return actions
  }

  /// The result in hand is the operation's: hands it to its caller.
  mutating func conclude(_ channel: UInt64) {
    guard let outcome = channels[channel]?.outcome, let number = channels[channel]?.committed,
      let waiting = channels[channel]?.calls.removeValue(forKey: number + 1)
    else {
      // An operation of others, or one that was passed over.
      channels[channel]?.conclude()
      note(channel)
      return
    }
    channels[channel]!.conclude()
    note(channel)
    if !waiting.isAbandoned { finish(waiting.id, outcome) }
  }

  /// Keeps up to date what decides whether interrupted operations stand.
  private mutating func note(_ channel: UInt64) {
    membership.standing.exchanges[channel] = channels[channel]?.standing(of: me)
  }

  // MARK: From others

  mutating func receiveInChannel(
    _ message: GroupMessage, _ stage: GroupMessage.Stage, from member: Member, at now: Duration
  ) -> [LinkAction] {
    switch message {
    case .hurry: return tell(what: stage, to: member)
    case .told(_, let said): return hear(said, stage, from: member, at: now)
    default: break
    }
    guard hasState, channels[stage.channel]?.exchange?.stage == stage else {
      keepEarlyInChannel(message, stage, from: member)
      return []
    }
    guard !membership.isFrozen else {
      return receiveFrozen(message, stage, from: member, at: now)
    }
    if channels[stage.channel]!.exchange!.isUnderWay { channelMoved(at: now) }
    let actions = channels[stage.channel]!.exchange!.receive(message, from: member)
    return actions + advance(stage.channel, at: now)
  }

  /// While the view changes nothing is handed out. But the last word of one that ends at once counts:
  /// with it this member may hold what others have handed out and nobody else can tell any more.
  private mutating func receiveFrozen(
    _ message: GroupMessage, _ stage: GroupMessage.Stage, from member: Member, at now: Duration
  ) -> [LinkAction] {
    let channel = stage.channel
    guard case .ready = message else {
      keepEarlyInChannel(message, stage, from: member)
      return []
    }
    _ = channels[channel]!.exchange!.receive(message, from: member)
    guard channels[channel]!.exchange!.isAssembled,
      channels[channel]!.exchange!.said.allSatisfy(\.isWhole)
    else { return [] }
    return complete(channel, at: now)
  }

  private mutating func keepEarlyInChannel(
    _ message: GroupMessage, _ stage: GroupMessage.Stage, from member: Member
  ) {
    guard earlyInChannels < Self.earlyMessagesMax, stage.round > 0,
      channels[stage.channel] != nil || channels.count < ExchangeStanding.channelsMax
    else { return }
    let state = channels[stage.channel, default: ChannelState()]
    guard stage.round > state.committed else { return }
    // Of a try that is over, nothing is needed any more; of one to come, all is.
    if stage.round == state.committed + 1, let exchange = state.exchange,
      stage.view < exchange.stage.view
    {
      return
    }
    channels[stage.channel, default: ChannelState()].early.append((member, stage, message))
  }

  mutating func replayEarly(in channel: UInt64, at now: Duration) -> [LinkAction] {
    guard let stage = channels[channel]?.exchange?.stage else { return [] }
    var actions: [LinkAction] = []
    let kept = channels[channel]!.early
    guard !kept.isEmpty else { return [] }
    channels[channel]!.early = []
    for (member, early, message) in kept {
      if early == stage {
        actions += channels[channel]!.exchange!.receive(message, from: member)
      } else {
        keepEarlyInChannel(message, early, from: member)
      }
    }
    return actions
  }

  // MARK: Views

  /// What the members agreed on about the operations under way. Nil when this member cannot follow.
  mutating func installChannels(_ change: ViewChange, at now: Duration) -> [LinkAction]? {
    for channel in Set(channels.keys).union(change.exchanges.keys).sorted() {
      let decision = change.exchanges[channel] ?? channels[channel]!.standing(of: me)
      if channels[channel] == nil { channels[channel] = ChannelState() }
      let isBehind = decision.committed > channels[channel]!.committed + 1
      if !hasState || (isBehind && channels[channel]!.calls.isEmpty) {
        // A newcomer begins where the group is; so does whoever has no part in the channel.
        channels[channel] = ChannelState(
          committed: decision.committed, nextNumber: decision.committed + 1,
          early: channels[channel]!.early)
      }
      let committed = channels[channel]!.committed
      let missed = decision.committed == committed + 1 ? missed(decision, in: change, channel) : nil
      channels[channel]!.missed = missed
      if missed != nil { continue }
      if decision.committed == committed + 1 {
        guard agrees(with: decision, channel) else { return nil }
        conclude(channel)
      } else if decision.committed > committed {
        return nil
      }
      restart(channel, as: decision, in: change)
      note(channel)
    }
    return []
  }

  /// Whether what this member holds is what was handed out.
  private func agrees(with decision: ExchangeStanding, _ channel: UInt64) -> Bool {
    guard channels[channel]!.begun?.members.contains(me) ?? false else { return true }
    let exchange = channels[channel]!.exchange
    if exchange?.dones[me] == decision.held { return true }
    // Nobody who answered held it, but some had handed it out. What this member has learnt since it
    // answered, from the last word of one that ended, is compared with theirs at the next operation.
    return decision.held == nil && exchange?.isWhole == true
  }

  /// Goes on with a channel's next operation in a new view: as it is, or from its beginning.
  mutating func restart(
    _ channel: UInt64, as decision: ExchangeStanding, in change: ViewChange
  ) {
    // Committed here and only held by those who decided.
    guard decision.committed == channels[channel]!.committed else {
      channels[channel]!.exchange = nil
      channels[channel]!.begun = nil
      return
    }
    if change.isSeamless, let exchange = channels[channel]!.exchange,
      exchange.stage.view == decision.view
    {
      return
    }
    channels[channel]!.exchange = nil
    channels[channel]!.outcome = nil
    channels[channel]!.begun = nil
    guard decision.view > 0 else { return }
    let members = decision.participants.filter { change.view.rank(of: $0) != nil }
    guard !members.isEmpty else {
      conclude(channel)
      return
    }
    let view = change.isSeamless ? decision.view : change.view.number
    channels[channel]!.begun = (view, members)
    if !members.contains(me) {
      // Others' business: this member only hears when it is done.
      let number = channels[channel]!.committed + 1
      channels[channel]!.nextNumber = max(channels[channel]!.nextNumber, number + 1)
      channels[channel]!.exchange = Exchange(
        stage: .init(channel: channel, view: view, round: number), members: members, me: me)
    }
  }

  /// Goes on in the new view with all that waits.
  mutating func resumeChannels(_ change: ViewChange, newcomers: [Member], at now: Duration)
    -> [LinkAction]
  {
    var actions: [LinkAction] = []
    for channel in channels.keys.sorted() {
      if change.isSeamless, let exchange = channels[channel]?.exchange {
        actions += exchange.inform(
          newcomers.filter { names[channel]?.includes($0.id) ?? true })
      }
      actions += askTheMissed(in: channel)
      actions += replayEarly(in: channel, at: now) + advance(channel, at: now)
    }
    return actions
  }

  // MARK: Time

  mutating func channelMoved(at now: Duration) {
    if let last = channelsMovedAt {
      watch.rested(now - last)
    } else {
      isUnsettled = true
    }
    channelsMovedAt = now
  }

  /// Why the exchanges do not move, if they should.
  mutating func channelsVerdict(at now: Duration) -> Watch.Verdict? {
    guard let moved = channelsMovedAt,
      let verdict = watch.restedTooLong(since: moved, pace: membership.pace, at: now)
    else { return nil }
    guard
      let stuck = channels.sorted(by: { $0.key < $1.key })
        .first(where: { $0.value.exchange?.isUnderWay ?? false })?.value.exchange
    else {
      channelsMovedAt = nil
      return nil
    }
    return Watch.Verdict(
      reason: "\(verdict), waiting for \(stuck.names(stuck.late))", without: [])
  }
}
