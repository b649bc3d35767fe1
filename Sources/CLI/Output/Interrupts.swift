// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import Synchronization

/// Ctrl-C: the first time a clean stop, the second time at once. SIGTERM is the first time.
final class Interrupts: Sendable {
  private let count = Mutex(0)
  private let sources = Mutex<[any DispatchSourceSignal]>([])

  /// - Parameter stop: raised at the first signal.
  /// - Parameter signals: which ones; SIGHUP too for who has children to end.
  /// - Parameter note: what the person is told at the first one.
  init(
    console: Console, stop: StopSignal, signals: [Int32] = [SIGINT, SIGTERM],
    note: String = "Stopping cleanly after this step; once more stops at once."
  ) {
    let queue = DispatchQueue(label: "ferry.interrupts")
    for number in signals {
      // The default action would end the process before the source sees the signal.
      signal(number, SIG_IGN)
      sources.withLock { sources in
        let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
        source.setEventHandler { [weak self] in
          self?.handle(console: console, stop: stop, note: note)
        }
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

  private func handle(console: Console, stop: StopSignal, note: String) {
    let times = count.withLock { count in
      count += 1
      return count
    }
    if times == 1 {
      console.note("\n\(note)")
      stop.raise()
    } else {
      exit(ExitStatus.interrupted.rawValue)
    }
  }
}
