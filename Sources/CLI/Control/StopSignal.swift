// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Asks a run to stop cleanly: finish or give up the round, say goodbye, write a checkpoint.
///
/// Raised by Ctrl-C, SIGTERM and `ferry leave`; asked by the session between steps.
package final class StopSignal: Sendable {
  private struct State {
    var isRaised = false
    var waiters: [@Sendable () -> Void] = []
  }

  private let state = Mutex(State())

  package init() {}

  package var isRaised: Bool { state.withLock { $0.isRaised } }

  /// Raises it; again changes nothing.
  package func raise() {
    let waiters = state.withLock { state in
      state.isRaised = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter() }
  }

  /// Calls `action` once when it is raised, from the thread that raises it; at once if it is.
  package func whenRaised(_ action: @escaping @Sendable () -> Void) {
    let isRaised = state.withLock { state in
      if !state.isRaised { state.waiters.append(action) }
      return state.isRaised
    }
    if isRaised { action() }
  }
}
