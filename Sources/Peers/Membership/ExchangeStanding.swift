// SPDX-License-Identifier: Apache-2.0

/// What a member knows about the exchanges of one channel; it decides whether an interrupted one
/// stands.
///
/// A channel is a sequence of exchanges beside the rounds, numbered from 1, one after the other.
public struct ExchangeStanding: Sendable, Hashable {
  /// More channels than this a group does not keep: each travels with every change of view.
  public static let channelsMax = 1024

  /// The last exchange whose result this member has handed out.
  public var committed: UInt64
  /// The view in which the next one began, as far as this member knows; 0 when it has not.
  public var view: UInt64
  /// Those who take part in it: fixed when it began, so that newcomers do not stop it.
  public var participants: [Member]
  /// The digest of its complete result, when this member holds it but does not know that all do.
  public var held: [UInt8]?

  public init(
    committed: UInt64, view: UInt64 = 0, participants: [Member] = [], held: [UInt8]? = nil
  ) {
    self.committed = committed
    self.view = view
    self.participants = participants
    self.held = held
  }
}

extension ExchangeStanding {
  /// What those who answer agree on about one channel: `held` is the digest that makes members who
  /// only hold the result of `committed` hand it out, too.
  ///
  /// One that somebody who answers has handed out stands. Else the rule is that of rounds: if one
  /// participant who answers does not hold the result, nobody has handed it out. An exchange of whose participants nobody answers is passed over.
  package init(of standings: [Member: ExchangeStanding], answering: Set<Member>) {
    let last = standings.values.map(\.committed).max() ?? 0
    let begun = standings.values.filter { $0.committed == last && $0.view > 0 }
      .max { $0.view < $1.view }
    if let begun {
      let present = begun.participants.filter(answering.contains)
      let digests = present.map { member -> [UInt8]? in
        guard let standing = standings[member], standing.committed == last,
          standing.view == begun.view
        else { return nil }
        return standing.held
      }
      if present.isEmpty {
        self.init(committed: last + 1)
        return
      }
      if let digest = digests[0], digests.allSatisfy({ $0 == digest }) {
        self.init(committed: last + 1, held: digest)
        return
      }
    }
    let digest = standings.values.first { $0.committed + 1 == last && $0.held != nil }?.held
    self.init(
      committed: last, view: begun?.view ?? 0, participants: begun?.participants ?? [],
      held: digest)
  }
}
