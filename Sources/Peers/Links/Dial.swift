// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// An attempt to reach an address: over all the addresses that its name stands for.
struct Dial: Sendable {
  enum Reason: Sendable, Equatable {
    /// The logic asked.
    case asked
    /// A link to this peer dropped: is its process still there?
    case probe(PeerID)
  }

  let address: PeerAddress
  let reason: Reason
  let deadline: Duration
  /// Those not tried yet, best first.
  var candidates: [SocketAddress] = []
  /// Whether every address tried so far answered that nobody listens.
  var allRefused = true
  var lastFailure = "no address"
}

/// Asks name servers on threads of its own, so that the loop never waits for one.
final class NameLookups: Sendable {
  typealias Answer = Result<[SocketAddress], SocketAddress.SystemText>

  private let answers = Mutex<[(PeerAddress, Answer)]>([])

  func ask(_ address: PeerAddress, then wake: @escaping @Sendable () -> Void) {
    Thread.detachNewThread { [self] in
      let answer = SocketAddress.resolve(address, .name)
      answers.withLock { $0.append((address, answer)) }
      wake()
    }
  }

  func takeAnswers() -> [(PeerAddress, Answer)] {
    answers.withLock { answers in
      defer { answers = [] }
      return answers
    }
  }
}
