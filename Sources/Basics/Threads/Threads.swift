// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import Synchronization

/// How many threads a computation may use, and the loop that shares its parts out among them.
///
/// Work is cut into parts by its size alone, and whatever is summed over parts is summed in their
/// order: results then are the same bits for every count.
public struct Threads: Sendable, Equatable {
  /// How many threads work at once at most, at least 1: the calling one and others.
  public let count: Int

  /// So many threads; below 1 is 1.
  public init(_ count: Int) { self.count = max(1, count) }

  /// One thread: the calling one.
  public static let one = Threads(1)
  /// As many threads as there are cores.
  public static let cores = Threads(ProcessInfo.processInfo.activeProcessorCount)

  /// Runs `body` once for each part `0..<parts`, in no order, and waits for all of them.
  ///
  /// Parts run at the same time: what one writes no other may touch.
  public func forEach(_ parts: Int, _ body: @Sendable (Int) -> Void) {
    forEach(parts, with: ()) { _, part in body(part) }
  }

  /// The same with a state for each thread, such as memory to work in.
  ///
  /// A thread's state is made before its first part, and passed to all of its parts.
  public func forEach<State>(
    _ parts: Int, with state: @autoclosure @Sendable () -> State,
    _ body: @Sendable (inout State, Int) -> Void
  ) {
    let workers = min(count, parts)
    guard workers > 1 else {
      guard parts > 0 else { return }
      var own = state()
      for part in 0..<parts { body(&own, part) }
      return
    }
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: workers) { _ in
      var part = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard part < parts else { return }
      var own = state()
      while part < parts {
        body(&own, part)
        part = next.wrappingAdd(1, ordering: .relaxed).oldValue
      }
    }
  }
}
