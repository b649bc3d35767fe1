// SPDX-License-Identifier: Apache-2.0

public import FerryPeers

/// Operations beside the rounds, from this machine's side.
extension GroupLogic {
  /// Calls that wait in one channel.
  public static let callsAheadMax = 256

  /// Hands in this member's part in a channel's next operation; `.finished(id, …)` follows, at the
  /// latest when `until` has come.
  public mutating func call(
    _ call: Call, on channel: Channel, id: UInt64, until: Duration, at now: Duration
  ) -> [LinkAction] {
    precondition(
      call.note.count <= Self.noteBytesMax,
      "a note of \(call.note.count) bytes is above \(Self.noteBytesMax)")
    precondition(
      call.weight >= 0 && call.weight.isFinite, "a weight of \(call.weight) is none")
    if let refusal = call.operation.refusal {
      finish(id, .failure(refusal))
      return []
    }
    guard view != nil, hasState, channel.includes(me.id) else {
      let isOut = view == nil || !hasState
      let what = isOut ? "this peer is not a member" : "this peer is not among \(channel)"
      finish(
        id,
        .failure(
          CollectiveError(
            isOut ? .evicted : .badGroup, what, place: "\(call.operation.kind), \(channel)",
            remedy: "Join the group first, and name this peer among those who take part.")))
      return []
    }
    let number = channel.number
    guard channels[number] != nil || channels.count < ExchangeStanding.channelsMax,
      (channels[number]?.calls.count ?? 0) < Self.callsAheadMax
    else {
      finish(
        id,
        .failure(
          CollectiveError(
            .tooMany,
            """
            \(channels.count) channels (at most \(ExchangeStanding.channelsMax)) or \
            \(channels[number]?.calls.count ?? 0) calls in this one (at most \(Self.callsAheadMax))
            """, place: "\(channel)",
            remedy: "Use the same tags again, and wait for calls before making more.")))
      return []
    }
    let state = self.channel(number)
    state.calls[state.nextNumber] = .init(id: id, call: call, until: until)
    state.nextNumber += 1
    state.name = channel
    if nextDeadline.map({ until < $0 }) ?? true {
      nextDeadline = until
      isUnsettled = true
    }
    return advance(state, at: now) + settleIfNeeded(at: now)
  }

  /// Finishes a call at once. Where the others have not begun without this member's part, they
  /// hear that it was cancelled, and nothing comes of the operation for anybody.
  public mutating func cancel(_ id: UInt64, at now: Duration) -> [LinkAction] {
    for channel in channels.values {
      for (number, waiting) in channel.calls where waiting.id == id && !waiting.isAbandoned {
        abandon(
          number, in: channel,
          CollectiveError(
            .cancelled, "this call was cancelled", place: place(of: waiting.call, channel),
            remedy: "Nothing is left to do."))
        let refusal = "\(me.id.short) cancelled its call"
        waiting.refusal = refusal
        return advance(channel, at: now) + settle(at: now)
      }
    }
    return []
  }

  func place(of call: Call, _ channel: ChannelState) -> String {
    "\(call.operation.kind), \(channel.title)"
  }

  mutating func finish(_ id: UInt64, _ result: Result<CallOutcome, CollectiveError>) {
    notices.append(.finished(id, result))
  }

  private mutating func abandon(
    _ number: UInt64, in channel: ChannelState, _ error: CollectiveError
  ) {
    guard let waiting = channel.calls[number], !waiting.isAbandoned else { return }
    waiting.isAbandoned = true
    finish(waiting.id, .failure(error))
  }

  /// Tells the callers whose deadline has passed; their parts stay, as the others may need them.
  mutating func expireCalls(at now: Duration) {
    guard let due = nextDeadline, due <= now else { return }
    var next: Duration?
    for channel in channels.values {
      for (number, waiting) in channel.calls where !waiting.isAbandoned {
        guard waiting.until <= now else {
          next = min(next ?? waiting.until, waiting.until)
          continue
        }
        abandon(
          number, in: channel,
          CollectiveError(
            .deadline, "its time is over\(delay(of: number, in: channel))",
            place: place(of: waiting.call, channel),
            remedy: "Give it longer, or look at the members that are named."))
      }
    }
    nextDeadline = next
  }

  /// What a call waits for, as the end of a sentence.
  private func delay(of number: UInt64, in channel: ChannelState) -> String {
    guard let view else { return ": this peer is not a member" }
    guard number == channel.committed + 1 else {
      return "; \(number - channel.committed - 1) calls before it are not done"
    }
    if let reason = membership.waitingFor { return "; \(reason)" }
    guard let exchange = channel.exchange else {
      return view.members.count < settings.membersMin
        ? "; \(view.members.count) of \(settings.membersMin) members are here" : ""
    }
    let late = exchange.names(exchange.late)
    return exchange.isUnderWay ? "; the exchange waits for \(late)" : "; \(late) made no such call"
  }

  mutating func failAllCalls(_ error: CollectiveError) {
    for channel in channelsInOrder {
      for (_, waiting) in channel.calls.sorted(by: { $0.key < $1.key }) where !waiting.isAbandoned {
        finish(waiting.id, .failure(error))
      }
      channel.forget()
    }
    (channels, nextDeadline) = ([:], nil)
  }
}
