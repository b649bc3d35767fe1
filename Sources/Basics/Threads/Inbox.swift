// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A queue from one thread to another, with a deadline on waiting.
public final class Inbox<Message: Sendable>: @unchecked Sendable {
  // SAFETY: `messages` is touched only while `condition` is locked.
  private let condition = NSCondition()
  private var messages: [Message] = []

  public init() {}

  public func put(_ message: Message) {
    condition.lock()
    messages.append(message)
    condition.signal()
    condition.unlock()
  }

  /// Everything that is there; waits at most `patience` for something to be.
  public func take(waiting patience: Duration) -> [Message] {
    condition.lock()
    defer { condition.unlock() }
    if messages.isEmpty, patience > .zero {
      let (seconds, attoseconds) = patience.components
      // A deadline of the condition, not a reading of the clock.
      let limit = Date(timeIntervalSinceNow: Double(seconds) + Double(attoseconds) * 1e-18)
      while messages.isEmpty, condition.wait(until: limit) {}
    }
    defer { messages = [] }
    return messages
  }
}
