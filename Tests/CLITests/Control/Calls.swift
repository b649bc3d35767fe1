// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Counts calls from any thread.
final class Calls: Sendable {
  private let calls = Mutex(0)

  func add() { calls.withLock { $0 += 1 } }

  var count: Int { calls.withLock { $0 } }
}
