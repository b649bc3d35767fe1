// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import FerryTensors

/// Operations beside the rounds: announced, exchanged, held by all, finished; small ones are finished
/// once all have announced them.
extension GroupLogic {
  /// Takes a channel as far as what is here allows.
  mutating func advance(_ channel: ChannelState, at now: Duration) -> [LinkAction] {
    var actions: [LinkAction] = []
    while view != nil, hasState, !membership.isFrozen, channels[channel.number] === channel {
      actions += announce(in: channel, at: now)
      guard channel.exchange != nil else { return actions }
      actions += complete(channel, at: now)
      guard let exchange = channel.exchange, exchange.trouble == nil, exchange.isComplete else {
        return actions
      }
      let odd = exchange.minority
      guard odd.isEmpty else {
        let reason = """
          the results of operation \(exchange.stage.round) of \(channel.title) differ: \
          \(exchange.names(odd)) against the rest
          """
        return actions + pass(.trouble(reason: reason, without: odd), at: now)
      }
      let missed = channel.missed
      conclude(channel)
      if let missed { actions += goOn(channel, after: missed, at: now) }
    }
    return actions
  }

  /// Takes the try under way as far as holding its result.
  private mutating func complete(_ channel: ChannelState, at now: Duration) -> [LinkAction] {
    var actions: [LinkAction] = []
    if let exchange = channel.exchange, exchange.isAssembled {
      actions += begin(exchange, in: channel, at: now)
    }
    if let trouble = channel.exchange?.trouble {
      return actions + pass(.trouble(reason: trouble.reason, without: trouble.without), at: now)
    }
    if let exchange = channel.exchange, let output = exchange.takeOutput() {
      actions += hold(
        .success(outcome(output.values, of: exchange, in: channel)), sums: output.sums,
        of: exchange, in: channel)
    }
    return actions
  }

  /// Those who take part in what a channel does next.
  private func participants(_ channel: ChannelState) -> [Member] {
    channel.begun?.members ?? (view?.members ?? []).filter(channel.includes)
  }

  /// Says that this member is ready for the next operation, once its caller is.
  private mutating func announce(in channel: ChannelState, at now: Duration) -> [LinkAction] {
    let number = channel.committed + 1
    guard let view, hasGathered, channel.exchange?.isAnnounced != true,
      let waiting = channel.calls[number]
    else { return [] }
    let members = participants(channel)
    guard let rank = members.firstIndex(of: me) else { return [] }
    if channel.exchange == nil {
      let viewNumber = channel.begun?.view ?? view.number
      let stage = GroupMessage.Stage(channel: channel.number, view: viewNumber, round: number)
      channel.exchange = Exchange(stage: stage, members: members, me: me)
      channel.begun = (viewNumber, members)
    }
    var (ready, machine) = ready(waiting, members, rank: rank, in: channel)
    if ready.refusal.isEmpty {
      ready.plan = proposedPlan(
        waiting.call.inputCount, of: waiting.call.operation(among: members), among: members)
    }
    let actions = channel.exchange!.announce(ready, begun: machine)
    note(channel)
    return actions + replayEarly(in: channel, at: now)
  }

  /// Of one operation, for codecs that round at random.
  private func seed(in channel: ChannelState) -> Seed {
    settings.seed.derived("operation", channel.number, channel.committed + 1)
  }

  /// What this member says, and the machine of which that is all it has to say.
  private func ready(
    _ waiting: ChannelState.Waiting, _ members: [Member], rank: Int, in channel: ChannelState
  ) -> (GroupMessage.Ready, begun: (any CollectiveMachine)?) {
    let call = waiting.call
    var ready = GroupMessage.Ready(
      weight: call.weight, note: call.note, operation: channel.meaning(of: call),
      counts: call.counts(to: members, from: me.id).map(UInt64.init), refusal: waiting.refusal,
      stateDigest: channel.lastDigest)
    if ready.refusal.isEmpty, let missing = call.missingEnd(among: members) {
      ready.refusal = missing
    }
    if ready.refusal.isEmpty, let reason = call.unsendable {
      ready.refusal = "\(me.id.short) cannot send its values: \(reason)"
    }
    ready.isWhole = call.operation.kind == .barrier
    guard ready.refusal.isEmpty, call.opensOnReady(world: members.count) else {
      return (ready, nil)
    }
    ready.isWhole = true
    guard call.weight > 0 else { return (ready, nil) }
    do {
      let opening = try call.opening(
        rank: rank, world: members.count, seed: seed(in: channel))
      ready.opening = opening.pieces.first?.encoded() ?? []
      ready.isWhole = opening.pieces.count < 2
      return (ready, ready.isWhole ? opening.machine : nil)
    } catch {
      ready.refusal = "\(me.id.short) cannot send its values: \(error.what)"
      return (ready, nil)
    }
  }

  /// All are ready: begins, or finds that nothing can come of it.
  private mutating func begin(
    _ exchange: Exchange, in channel: ChannelState, at now: Duration
  ) -> [LinkAction] {
    let (said, call) = (exchange.said, channel.call)
    if channelsMovedAt == nil { isUnsettled = true }
    channelsMovedAt = now
    func fail(
      _ code: CollectiveError.Code, _ what: String, _ remedy: String
    ) -> [LinkAction] {
      hold(
        .failure(CollectiveError(code, what, place: place(of: call, channel), remedy: remedy)),
        of: exchange, in: channel)
    }
    if let refusal = said.first(where: { !$0.refusal.isEmpty })?.refusal {
      return fail(
        .cancelled, refusal,
        "All members' calls ended so; make them again if it is still wanted.")
    }
    if let quarrel = exchange.meaningsApart {
      return fail(
        .mismatch, quarrel.reason,
        "All members must make the same calls on a tag, in the same order.")
    }
    let apart = exchange.pastsApart
    guard apart.isEmpty else {
      let reason = """
        the results of operation \(channel.committed) of \(channel.title) differ: \
        \(exchange.names(apart)) against the rest
        """
      return pass(.trouble(reason: reason, without: apart), at: now)
    }
    if call.operation.kind == .barrier, said.allSatisfy(\.isWhole) {
      let nothing = Values(call.operation.elementType)
      return hold(
        .success(outcome(nothing, of: exchange, in: channel)), of: exchange, in: channel)
    }
    let width = call.operation.elementType.byteWidth
    let bytes = call.operation.kind.gatheredCount(said.map(\.counts)) * Double(width)
    guard bytes <= Double(settings.resultBytesMax) else {
      return fail(
        .tooMany,
        "the members give \(Int(min(bytes, 0x1p62))) bytes, above \(settings.resultBytesMax)",
        "Give less, or let resultBytesMax be more on all members.")
    }
    do {
      let members = exchange.members
      guard let operation = followPlan(of: call, in: exchange) else { return [] }
      if exchange.hasBegun { return exchange.goOn() }
      let machine = try operation.machine(
        rank: exchange.rank!, weights: said.map(\.weight),
        input: call.given(to: members, from: me.id), lent: call.lent,
        counts: exchange.counts, seed: seed(in: channel),
        chunkPrefix: GroupMessage.chunkPrefix(exchange.stage),
        fingerprintSeed: call.operation.kind.isReplicated ? fingerprintSeed(of: exchange) : nil)
      return try exchange.begin(machine, opened: call.opensOnReady(world: members.count))
    } catch {
      // What all were told does not fit together: all come to the same end.
      return hold(.failure(error), of: exchange, in: channel)
    }
  }

  /// Of an operation's result.
  private func fingerprintSeed(of exchange: Exchange) -> Seed {
    settings.seed.derived("digest", exchange.stage.channel, exchange.stage.round)
  }

  private func outcome(
    _ output: Values, of exchange: Exchange, in channel: ChannelState
  ) -> CallOutcome {
    let call = channel.call
    return CallOutcome(
      number: exchange.stage.round,
      contributors: exchange.contributors, values: output,
      counts: call.operation.kind.cameFrom(
        exchange.counts, rank: exchange.rank!,
        root: exchange.members.firstIndex { $0.id == call.root }))
  }

  /// This member holds its complete result: tells the others, but finishes only when all do, or can.
  private mutating func hold(
    _ outcome: Result<CallOutcome, CollectiveError>, sums: [UInt64]? = nil,
    of exchange: Exchange, in channel: ChannelState
  ) -> [LinkAction] {
    let digest: [UInt8] =
      switch outcome {
      case .success(let outcome) where channel.call.operation.kind.isReplicated:
        outcome.values.digest(
          seed: fingerprintSeed(of: exchange), sums: sums, count: channel.call.lent?.count,
          then: exchange.record)
      case .success: Digest.sha256(of: exchange.record)
      case .failure(let error): Digest.sha256(of: Array(error.codeName.utf8))
      }
    channel.outcome = outcome
    let actions = exchange.hold(
      digest, listeners: (view?.members ?? []).filter(channel.includes))
    note(channel)
    return actions
  }

  /// The result in hand is the operation's: hands it to its caller.
  mutating func conclude(_ channel: ChannelState) {
    let outcome = channel.outcome
    // Nil for an operation of others, or one that was passed over.
    let waiting = outcome.flatMap { _ in channel.calls.removeValue(forKey: channel.committed + 1) }
    channel.conclude()
    note(channel)
    if let outcome, let waiting, !waiting.isAbandoned { finish(waiting.id, outcome) }
  }

  /// Keeps up to date what decides whether interrupted operations stand.
  mutating func note(_ channel: ChannelState) {
    membership.standing.exchanges[channel.number] = channel.standing(of: me)
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
    guard hasState, let channel = channels[stage.channel], let exchange = channel.exchange,
      exchange.stage == stage
    else {
      keepEarlyInChannel(message, stage, from: member)
      return []
    }
    guard !membership.isFrozen else {
      return receiveFrozen(message, of: exchange, in: channel, from: member, at: now)
    }
    if exchange.isUnderWay { channelMoved(at: now) }
    let actions = exchange.receive(message, from: member)
    return actions + advance(channel, at: now)
  }

  /// While the view changes nothing is handed out. But the last word of one that ends at once counts:
  /// with it this member may hold what others have handed out and nobody else can tell any more.
  private mutating func receiveFrozen(
    _ message: GroupMessage, of exchange: Exchange, in channel: ChannelState, from member: Member,
    at now: Duration
  ) -> [LinkAction] {
    guard case .ready = message else {
      keepEarlyInChannel(message, exchange.stage, from: member)
      return []
    }
    _ = exchange.receive(message, from: member)
    guard exchange.isAssembled, exchange.said.allSatisfy(\.isWhole) else { return [] }
    return complete(channel, at: now)
  }

  /// What is known of a channel from now on.
  mutating func channel(_ number: UInt64) -> ChannelState {
    if let channel = channels[number] { return channel }
    let fresh = ChannelState(number: number)
    channels[number] = fresh
    return fresh
  }

  private mutating func keepEarlyInChannel(
    _ message: GroupMessage, _ stage: GroupMessage.Stage, from member: Member
  ) {
    guard earlyInChannels < Self.earlyMessagesMax, stage.round > 0,
      channels[stage.channel] != nil || channels.count < ExchangeStanding.channelsMax
    else { return }
    let channel = channel(stage.channel)
    guard stage.round > channel.committed else { return }
    // Of a try that is over, nothing is needed any more; of one to come, all is.
    if stage.round == channel.committed + 1, let exchange = channel.exchange,
      stage.view < exchange.stage.view
    {
      return
    }
    channel.early.append((member, stage, message))
  }

  mutating func replayEarly(in channel: ChannelState, at now: Duration) -> [LinkAction] {
    guard let exchange = channel.exchange, !channel.early.isEmpty else { return [] }
    var actions: [LinkAction] = []
    let kept = channel.early
    channel.early = []
    for (member, early, message) in kept {
      if early == exchange.stage {
        actions += exchange.receive(message, from: member)
      } else {
        keepEarlyInChannel(message, early, from: member)
      }
    }
    return actions
  }

  // MARK: Views

  /// What the members agreed on about the operations under way. Nil when this member cannot follow.
  mutating func installChannels(_ change: ViewChange, at now: Duration) -> [LinkAction]? {
    for number in Set(channels.keys).union(change.exchanges.keys).sorted() {
      let channel = channel(number)
      let decision = change.exchanges[number] ?? channel.standing(of: me)
      let isBehind = decision.committed > channel.committed + 1
      if !hasState || (isBehind && channel.calls.isEmpty) {
        // A newcomer begins where the group is; so does whoever has no part in the channel.
        channel.begin(after: decision.committed)
      }
      let committed = channel.committed
      channel.missed =
        decision.committed == committed + 1 ? missed(decision, in: change, channel) : nil
      if channel.missed != nil { continue }
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
  private func agrees(with decision: ExchangeStanding, _ channel: ChannelState) -> Bool {
    guard channel.begun?.members.contains(me) ?? false else { return true }
    if channel.exchange?.digest == decision.held { return true }
    // Nobody who answered held it, but some had handed it out. What this member has learnt since it
    // answered, from the last word of one that ended, is compared with theirs at the next operation.
    return decision.held == nil && channel.exchange?.isWhole == true
  }

  /// Goes on with a channel's next operation in a new view: as it is, or from its beginning.
  mutating func restart(
    _ channel: ChannelState, as decision: ExchangeStanding, in change: ViewChange
  ) {
    // Committed here and only held by those who decided.
    guard decision.committed == channel.committed else {
      (channel.exchange, channel.begun) = (nil, nil)
      return
    }
    if change.isSeamless, let exchange = channel.exchange, exchange.stage.view == decision.view {
      return
    }
    (channel.exchange, channel.outcome, channel.begun) = (nil, nil, nil)
    guard decision.view > 0 else { return }
    let members = decision.participants.filter { change.view.rank(of: $0) != nil }
    guard !members.isEmpty else {
      conclude(channel)
      return
    }
    let view = change.isSeamless ? decision.view : change.view.number
    channel.begun = (view, members)
    if !members.contains(me) {
      // Others' business: this member only hears when it is done.
      let number = channel.committed + 1
      channel.nextNumber = max(channel.nextNumber, number + 1)
      channel.exchange = Exchange(
        stage: .init(channel: channel.number, view: view, round: number), members: members, me: me)
    }
  }

  /// Goes on in the new view with all that waits.
  mutating func resumeChannels(_ change: ViewChange, newcomers: [Member], at now: Duration)
    -> [LinkAction]
  {
    var actions: [LinkAction] = []
    for channel in channelsInOrder {
      if change.isSeamless, let exchange = channel.exchange {
        actions += exchange.inform(newcomers.filter(channel.includes))
      }
      actions += askTheMissed(in: channel)
      actions += replayEarly(in: channel, at: now) + advance(channel, at: now)
    }
    return actions
  }

  /// By number: dictionary order changes from run to run.
  var channelsInOrder: [ChannelState] { channels.values.sorted { $0.number < $1.number } }

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
      let stuck = channelsInOrder.first(where: { $0.exchange?.isUnderWay ?? false })?.exchange
    else {
      channelsMovedAt = nil
      return nil
    }
    return Watch.Verdict(
      reason: "\(verdict), waiting for \(stuck.names(stuck.late))", without: [])
  }
}
