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
    let added = calls.add { id in
      PendingCall(
        lent: call.lent, serve: { self.serve(while: $0) },
        cancel: { self.post { $0.cancel(id, at: $1) } })
    }
    guard let (id, pending) = added else {
      let over = PendingCall(serve: { _ in }, cancel: {})
      over.finish(.failure(PendingCalls.closed(run)))
      return over
    }
    post { $0.call(call, on: channel, id: id, until: $1 + limit, at: $1) }
    return pending
  }

  /// Does this member's part in a channel's next operation, and waits for the outcome.
  ///
  /// - Throws: as `PendingCall.wait`.
  @discardableResult
  public func perform(
    _ call: Call, on channel: Channel = Channel(), within limit: Duration
  ) throws(CollectiveError) -> CallOutcome {
    try start(call, on: channel, within: limit).wait()
  }
}
