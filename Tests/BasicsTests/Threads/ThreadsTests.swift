// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Synchronization
import Testing

@Suite("Threads")
struct ThreadsTests {
  @Test("every part runs once, whatever the threads", arguments: [0, 1, 2, 5], [0, 1, 3, 100])
  func once(threads: Int, parts: Int) {
    let runs = ResultSlots<Int>(parts)
    Threads(threads).forEach(parts) { part in runs[part] = (runs[part] ?? 0) + part + 1 }
    for part in 0..<parts { #expect(runs[part] == part + 1) }
    #expect(Threads(threads).count == max(1, threads))
  }

  @Test("a state serves one thread alone, and there are no more of them than threads")
  func states() {
    let made = Atomic<Int>(0)
    let sums = Mutex<[Int]>([])
    final class Held { var sum = 0 }
    Threads(3).forEach(
      50,
      with: {
        made.wrappingAdd(1, ordering: .relaxed)
        return Held()
      }()
    ) {
      held, part in
      held.sum += part
      if part == 49 { sums.withLock { $0.append(held.sum) } }
    }
    #expect((1...3).contains(made.load(ordering: .relaxed)))
    #expect(sums.withLock { $0.count } == 1)
  }
}
