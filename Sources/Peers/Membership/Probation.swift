// SPDX-License-Identifier: Apache-2.0

/// Keeps members that were left out for a fault from coming back at once: each time for twice as
/// long, so that one that will not mend costs the others less and less.
struct Probation: Sendable {
  /// After the first fault.
  static let pauseMin: Duration = .seconds(1)
  static let pauseMax: Duration = .seconds(60)
  /// Without another fault for this long after the last pause, a member begins anew.
  static let memoryMax: Duration = .seconds(600)
  static let entriesMax = 256

  private struct Entry: Sendable {
    var pause: Duration
    var until: Duration
  }

  /// By life: one that was started again has another chance.
  private var entries: [Member: Entry] = [:]

  mutating func blame(_ member: Member, at now: Duration) {
    entries = entries.filter { now - $0.value.until <= Self.memoryMax }
    let pause = entries[member].map { min($0.pause * 2, Self.pauseMax) } ?? Self.pauseMin
    if entries[member] == nil, entries.count >= Self.entriesMax,
      let first = entries.min(by: { ($0.value.until, $0.key) < ($1.value.until, $1.key) })
    {
      entries[first.key] = nil
    }
    entries[member] = Entry(pause: pause, until: now + pause)
  }

  /// Whether a member has to wait still.
  func excludes(_ member: Member, at now: Duration) -> Bool {
    entries[member].map { now < $0.until } ?? false
  }
}
