// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Gathers pieces of text from any thread, in the order they come.
final class TextCollector: Sendable {
  private let pieces = Mutex("")

  func append(_ piece: String) { pieces.withLock { $0 += piece } }

  var text: String { pieces.withLock { $0 } }
}
