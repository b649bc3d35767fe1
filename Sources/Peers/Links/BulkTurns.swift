// SPDX-License-Identifier: Apache-2.0

/// In which order a peer's bulk leaves it, over all its long links together.
///
/// Frames *in turn* (`Frame.isInTurn`) go out as they were queued, whichever peers they are for. So a
/// peer that owes something to all others serves one after the other, at the full speed of its way out.
/// Served all at once, their connections would fill the queues on the way and lose what is in them.
package final class BulkTurns {
  /// So much may overtake what is first, so that the way out never waits for one connection's room.
  package static let slackBytes: UInt64 = 256 << 10

  private var queuedBytes: UInt64 = 0
  /// The turn of the first frame that has not gone; nil while none waits.
  private var first: UInt64?
  /// The first one has gone, or its link has.
  package var isStale = false
  /// A link had to wait.
  package private(set) var isHolding = false

  package init() {}

  /// The turn of a frame that is queued now.
  package func take(_ byteCount: Int) -> UInt64 {
    let turn = queuedBytes
    queuedBytes += UInt64(byteCount)
    first = first ?? turn
    return turn
  }

  /// Whether a frame has to wait; who was told so is called again after `recount`.
  package func holds(_ turn: UInt64) -> Bool {
    guard let first, turn > first + Self.slackBytes else { return false }
    isHolding = true
    return true
  }

  /// Finds whose turn it is now.
  ///
  /// - Returns: whether some had to wait, who may go on now.
  package func recount(_ turns: some Sequence<UInt64>) -> Bool {
    defer { (isStale, isHolding) = (false, false) }
    first = turns.min()
    return isHolding
  }
}

extension LinkEngine {
  /// When those whose turn it was have sent, those who had to wait go on.
  func settleTurns() {
    guard turns.isStale, turns.recount(linked.values.lazy.compactMap(\.bulk.firstTurn)) else {
      return
    }
    for link in linked.values where !link.bulk.isEmpty {
      for connection in link.carriers { mark(connection) }
    }
  }
}
