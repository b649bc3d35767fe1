// SPDX-License-Identifier: Apache-2.0

import FerryPeers

/// An operation that ended with what all said when they were ready, and of which this member has not
/// heard all: those who have tell it.
///
/// Whoever has heard all hands the result out at once, without waiting for the others to have it. So
/// when a member is lost, its last word may have reached only some of them. One of those being among
/// the survivors, the operation stands (`ExchangeStanding`).
struct Missed: Sendable {
  /// What the group agreed on for the operation after it, and in which change.
  let decision: ExchangeStanding
  let change: ViewChange
  /// What is missing does not come by itself: in a seamless change alone no word is lost.
  let isLost: Bool
  /// Those who have not answered yet.
  var asked: Set<Member> = []
}

extension GroupLogic {
  /// Whether others have handed out what this member takes part in and does not hold.
  func missed(
    _ decision: ExchangeStanding, in change: ViewChange, _ channel: ChannelState
  ) -> Missed? {
    guard let exchange = channel.exchange, exchange.isSaid, !exchange.isHeld
    else { return nil }
    let wasLost = channel.missed?.isLost ?? false
    return Missed(decision: decision, change: change, isLost: wasLost || !change.isSeamless)
  }

  /// Asks all others, in each view anew: answers may have crossed the change.
  func askTheMissed(in channel: ChannelState) -> [LinkAction] {
    guard let missed = channel.missed, missed.isLost, let stage = channel.exchange?.stage, let view
    else { return [] }
    let others = view.members.filter { $0 != me }
    channel.missed!.asked = Set(others)
    return others.map { .send($0.id, GroupMessage.hurry(stage).frame()) }
  }

  /// The answer to one who asks.
  func tell(what stage: GroupMessage.Stage, to member: Member) -> [LinkAction] {
    guard view?.rank(of: member) != nil else { return [] }
    let told = channels[stage.channel]?.told
    let said = told?.stage == stage ? told!.said : []
    return [.send(member.id, GroupMessage.told(stage, said).frame())]
  }

  /// Takes an answer. When nobody knows, those who handed the result out are gone, and this member's
  /// call ends with an error.
  mutating func hear(
    _ said: [GroupMessage.Ready], _ stage: GroupMessage.Stage, from member: Member,
    at now: Duration
  ) -> [LinkAction] {
    guard !membership.isFrozen, let channel = channels[stage.channel],
      channel.missed?.asked.contains(member) == true, let exchange = channel.exchange,
      exchange.stage == stage
    else { return [] }
    if exchange.hear(said) {
      operationsTold += 1
      return advance(channel, at: now)
    }
    channel.missed!.asked.remove(member)
    guard let missed = channel.missed, missed.asked.isEmpty else { return [] }
    operationsLost += 1
    channel.outcome = .failure(
      CollectiveError(
        .lost, "operation \(stage.round) was over, and those who had its result are gone",
        place: channel.title, remedy: "Make the call again, if it is still wanted."))
    conclude(channel)
    return goOn(channel, after: missed, at: now) + advance(channel, at: now)
  }

  /// The next operation, as the group agreed on it meanwhile.
  mutating func goOn(
    _ channel: ChannelState, after missed: Missed, at now: Duration
  ) -> [LinkAction] {
    restart(channel, as: missed.decision, in: missed.change)
    note(channel)
    return replayEarly(in: channel, at: now)
  }
}
