// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// An operation under way: to be waited for, or cancelled. It ends at its deadline at the latest.
public final class PendingCall: Sendable {
  private let state = Mutex(State())
  private let condition = NSCondition()

  private struct State {
    /// These hold the group, which must live until the call is over; let go then.
    var cancel: (@Sendable () -> Void)?
    var serve: (@Sendable (() -> Bool) -> Void)?
    var lent: LentMemory?
    var result: Result<CallOutcome, CollectiveError>?
    var waiting: [CheckedContinuation<Result<CallOutcome, CollectiveError>, Never>] = []
  }

  /// - Parameters:
  ///   - lent: given back when the call fails, before anybody hears of it.
  ///   - serve: does the group's work while asked to, unless somebody else does.
  init(
    lent: LentMemory? = nil, serve: @escaping @Sendable (() -> Bool) -> Void,
    cancel: @escaping @Sendable () -> Void
  ) {
    state.withLock { ($0.lent, $0.serve, $0.cancel) = (lent, serve, cancel) }
  }

  /// Whether `wait` would return at once.
  public var isFinished: Bool { state.withLock { $0.result != nil } }

  /// What came of it; waits as long as the call was given.
  ///
  /// - Throws: `.deadline` with the names of those it waited for, `.cancelled`, `.mismatch` when
  ///   members made different calls, `.evicted`, `.stopped`.
  @discardableResult
  public func wait() throws(CollectiveError) -> CallOutcome {
    state.withLock { $0.serve }? { !isFinished }
    condition.lock()
    defer { condition.unlock() }
    while true {
      if let result = state.withLock({ $0.result }) { return try result.get() }
      // The group ends every call at its deadline; the limit here is for a group that is gone.
      _ = condition.wait(until: Date(timeIntervalSinceNow: 1))
    }
  }

  /// What came of it, as `wait`, for tasks.
  public var outcome: CallOutcome {
    get async throws(CollectiveError) {
      let result = await withCheckedContinuation { continuation in
        let result = state.withLock { state in
          if state.result == nil { state.waiting.append(continuation) }
          return state.result
        }
        if let result { continuation.resume(returning: result) }
      }
      return try result.get()
    }
  }

  /// Ends the wait at once. Members who wait for this one's part end with `.cancelled`, too; where
  /// the operation is under way already, it is finished by all, and its result dropped here.
  public func cancel() { state.withLock { $0.cancel }?() }

  func finish(_ result: Result<CallOutcome, CollectiveError>) {
    let lent = state.withLock { state in
      defer { state.lent = nil }
      return state.lent
    }
    if case .failure = result { lent?.giveBack() }
    condition.lock()
    let waiting = state.withLock { state in
      guard state.result == nil else { return state.waiting }
      state.result = result
      (state.cancel, state.serve) = (nil, nil)
      defer { state.waiting = [] }
      return state.waiting
    }
    condition.broadcast()
    condition.unlock()
    for continuation in waiting { continuation.resume(returning: result) }
  }
}

/// The calls of one group that are not finished, by the number that the group knows them by.
final class PendingCalls: Sendable {
  private let calls = Mutex((next: UInt64(1), open: [UInt64: PendingCall](), isClosed: false))

  var isEmpty: Bool { calls.withLock { $0.open.isEmpty } }

  /// Keeps a call until it is finished; nil once the group is closed.
  func add(_ make: (UInt64) -> PendingCall) -> (id: UInt64, call: PendingCall)? {
    calls.withLock { calls in
      guard !calls.isClosed else { return nil }
      let id = calls.next
      let call = make(id)
      calls.next += 1
      calls.open[id] = call
      return (id, call)
    }
  }

  func finish(_ id: UInt64, _ result: Result<CallOutcome, CollectiveError>) {
    let call = calls.withLock { $0.open.removeValue(forKey: id) }
    call?.finish(result)
  }

  func close(run: String) {
    let left = calls.withLock { calls in
      calls.isClosed = true
      defer { calls.open = [:] }
      return calls.open
    }
    for (_, call) in left { call.finish(.failure(Self.closed(run))) }
  }

  static func closed(_ run: String) -> CollectiveError {
    CollectiveError(
      .stopped, "this peer has left the group", place: "run \(run)",
      remedy: "Join again with a new PeerGroup.")
  }
}
