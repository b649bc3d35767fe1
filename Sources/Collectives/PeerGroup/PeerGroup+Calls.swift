// SPDX-License-Identifier: Apache-2.0

import FerryPeers

/// Operations beside the rounds, any number at once, each with its deadline.
///
/// ```swift
/// let pending = group.start(.allReduce(gradient, .mean), on: Channel(tag: 1), within: .seconds(60))
/// let mean = try pending.wait()
/// ```
///
/// Calls on one channel run one after the other, in the order in which each member makes them; those
/// on different channels run at once. When a member is lost, the others finish what they all hold,
/// and repeat the rest among themselves. Who joins takes part from each channel's next operation on.
extension PeerGroup {
  /// Begins this member's part in a channel's next operation, and returns at once.
  ///
  /// - Parameter limit: after this the call ends with `.deadline`; the others may still use what
  ///   this member gave.
  public func start(
    _ call: Call, on channel: Channel = Channel(), within limit: Duration
  ) -> PendingCall {
    let (id, pending) = add()
    if let id { post { $0.call(call, on: channel, id: id, until: $1 + limit, at: $1) } }
    return pending
  }

  /// A call that the group knows by a number; finished already, and without one, once it is closed.
  private func add() -> (id: UInt64?, PendingCall) {
    let added = calls.add { id in
      PendingCall { self.post { $0.cancel(id, at: $1) } }
    }
    if let (id, pending) = added { return (id, pending) }
    let over = PendingCall {}
    over.finish(.failure(PendingCalls.closed(run)))
    return (nil, over)
  }

  /// Does this member's part in a channel's next operation, and waits for the outcome.
  ///
  /// - Throws: as `PendingCall.wait`.
  @discardableResult
  public func perform(
    _ call: Call, on channel: Channel = Channel(), within limit: Duration
  ) throws(CollectiveError) -> CallOutcome {
    let (id, pending) = add()
    if let id {
      serve(
        while: { !pending.isFinished },
        doing: { $0.call(call, on: channel, id: id, until: $1 + limit, at: $1) })
    }
    return try pending.wait()
  }
}
