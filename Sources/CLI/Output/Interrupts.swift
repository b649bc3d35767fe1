// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import Synchronization

/// Ctrl-C: the first time a clean stop, the second time at once. SIGTERM is the first time.
final class Interrupts: Sendable {
  private let count = Mutex(0)
  private let sources = Mutex<[any DispatchSourceSignal]>([])

  /// - Parameter stop: raised at the first signal.
  init(console: Console, stop: StopSignal) {
    let queue = DispatchQueue(label: "ferry.interrupts")
    for number in [SIGINT, SIGTERM] {
      // The default action would end the process before the source sees the signal.
      signal(number, SIG_IGN)
      sources.withLock { sources in
        let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
        source.setEventHandler { [weak self] in self?.handle(console: console, stop: stop) }
        source.resume()
        sources.append(source)
      }
    }
  }

  var wasInterrupted: Bool { count.withLock { $0 > 0 } }

  func cancel() {
    sources.withLock { sources in
      for source in sources { source.cancel() }
      sources = []
    }
  }

  private func handle(console: Console, stop: StopSignal) {
    let times = count.withLock { count in
      count += 1
      return count
    }
    if times == 1 {
      console.note("\nStopping cleanly after this step; once more stops at once.")
      stop.raise()
    } else {
      exit(ExitStatus.interrupted.rawValue)
    }
  }
}
