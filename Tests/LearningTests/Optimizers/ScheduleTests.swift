// SPDX-License-Identifier: Apache-2.0

import FerryLearning
import Testing

@Suite("Schedules")
struct ScheduleTests {
  @Test("a constant stays")
  func constant() { #expect(Schedule.constant(0.5).rate(at: 1000) == 0.5) }

  @Test("a line goes from end to end and stays there")
  func linear() {
    let line = Schedule.linear(from: 1, to: 0.5, steps: 4)
    #expect([0, 1, 2, 4, 9].map(line.rate(at:)) == [1, 0.875, 0.75, 0.5, 0.5])
  }

  @Test("a warmed-up cosine rises, peaks, falls by half a cosine to its floor and stays there")
  func cosine() {
    let schedule = Schedule.warmupCosine(peak: 1, floor: 0.25, warmup: 4, steps: 12)
    #expect([0, 1, 3, 4].map(schedule.rate(at:)) == [0.25, 0.5, 1, 1])
    #expect(abs(schedule.rate(at: 8) - 0.625) < 1e-6)
    #expect(schedule.rate(at: 12) == 0.25)
    #expect(schedule.rate(at: 99) == 0.25)
  }
}
