// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerrySimulation
import Testing

@Suite("Heap of appointments")
struct EventHeapTests {
  @Test("gives them earliest first, and equal times in the order they were made")
  func order() {
    var random = SplitMix64(Seed(4))
    for count in [0, 1, 2, 3, 7, 8, 100, 1000] {
      var heap = EventHeap()
      var wanted: [(time: Int64, index: Int)] = []
      for index in 0..<count {
        let time = Int64(random.next() % 50)
        heap.push(.alarm, at: time, index: index)
        wanted.append((time, index))
      }
      wanted.sort { ($0.time, $0.index) < ($1.time, $1.index) }
      #expect(heap.count == count)
      for entry in wanted {
        let popped = heap.pop()
        #expect(popped?.time == entry.time)
        #expect(popped?.index == Int32(entry.index))
      }
      #expect(heap.pop()?.time == nil)
    }
  }

  @Test("keeps order while it is filled and emptied by turns")
  func turns() {
    var random = SplitMix64(Seed(5))
    var heap = EventHeap()
    var now: Int64 = 0
    for turn in 0..<5000 {
      heap.push(.alarm, at: now + Int64(random.next() % 100), index: turn)
      if turn % 3 != 0, let entry = heap.pop() {
        #expect(entry.time >= now)
        now = entry.time
      }
    }
  }
}
