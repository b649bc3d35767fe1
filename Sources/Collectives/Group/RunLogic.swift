// SPDX-License-Identifier: Apache-2.0

public import FerryPeers

/// The protocol a training peer runs on its links: the group's, with its notices handed on.
public struct RunLogic: PeerLogic {
  public private(set) var group: GroupLogic
  /// Called on the link loop's thread; must not block.
  private let deliver: @Sendable (RunNotice) -> Void

  public init(group: GroupLogic, deliver: @escaping @Sendable (RunNotice) -> Void) {
    self.group = group
    self.deliver = deliver
  }

  public mutating func handle(_ event: LinkEvent, at now: Duration) -> [LinkAction] {
    switch event {
    case .linked(let member, let address): deliver(.linked(member, address))
    case .unlinked(let member, let cause): deliver(.unlinked(member, cause))
    case .received, .unreachable, .woke: break
    }
    return perform { $0.handle(event, at: now) }
  }

  /// Does something with the group, and hands on what came of it.
  public mutating func perform(_ body: (inout GroupLogic) -> [LinkAction]) -> [LinkAction] {
    let actions = body(&group)
    for notice in group.takeNotices() { deliver(.group(notice)) }
    return actions
  }
}

/// What reaches the worker from its peer's link loop.
public enum RunNotice: Sendable {
  case group(GroupNotice)
  case linked(Member, PeerAddress?)
  case unlinked(Member, LossCause)
}
