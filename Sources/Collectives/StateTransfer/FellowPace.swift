// SPDX-License-Identifier: Apache-2.0

/// How fast one fellow answers, and so how long to wait for it and how much to ask at once.
///
/// A request's time runs from when it was sent or from the last answer, whichever is later:
/// what waits behind other requests is not the fellow's slowness.
struct FellowPace: Sendable {
  /// Nobody is called slow sooner, whatever was measured.
  static let patienceMin: Duration = .milliseconds(250)
  /// Before the first answer from anybody.
  static let patienceFirst: Duration = .seconds(3)
  static let windowMax = 8
  /// Deadlines missed in a row, each twice as long as the last, until a fellow counts as lost.
  static let missesMax = 4

  /// Chunks that may be asked for at once.
  private(set) var window = 2
  /// Smoothed time and deviation of one answer; nil before the first.
  private(set) var mean: Duration?
  private var deviation: Duration = .zero
  /// Deadlines missed in a row.
  private(set) var misses = 0
  private var answersInRow = 0
  private var movedAt: Duration = .zero

  mutating func asked(at now: Duration, isFirst: Bool) { if isFirst { movedAt = now } }

  /// An answer came: gains a mean and a deviation as round-trip estimates do (Jacobson 1988).
  mutating func answered(at now: Duration) {
    let took = now - movedAt
    movedAt = now
    if let mean {
      let error = took - mean
      self.mean = mean + error / 8
      deviation += ((error < .zero ? .zero - error : error) - deviation) / 4
    } else {
      mean = took
      deviation = took / 2
    }
    misses = 0
    answersInRow += 1
    if answersInRow % 4 == 0 { window = min(window + 1, Self.windowMax) }
  }

  /// The deadline passed: asks for less at once, and waits longer next time.
  mutating func missed(at now: Duration) {
    misses += 1
    answersInRow = 0
    window = 1
    movedAt = now
  }

  /// When to stop waiting, if something is owed. `others` is what the slowest fellow of the
  /// transfer takes for an answer; it stands in until this one's time is known.
  func deadline(others: Duration?) -> Duration {
    let patience: Duration =
      if let mean {
        max(Self.patienceMin, mean * 4 + deviation * 4)
      } else if let others {
        max(Self.patienceMin, others * 8)
      } else {
        Self.patienceFirst
      }
    return movedAt + patience * (1 << misses)
  }
}
