// SPDX-License-Identifier: Apache-2.0

/// Times until an event, some of which ended before it was seen.
package struct CensoredTimes: Sendable, Equatable {
  /// How long each was watched, `[n]`, finite.
  package let times: [Double]
  /// Whether the event was seen then, `[n]`; else it comes later, if ever.
  package let events: [Bool]

  /// A time each, and whether it ended with the event.
  package init(_ times: [Double], events: [Bool]) {
    precondition(times.count == events.count, "\(times.count) times, \(events.count) events")
    precondition(times.allSatisfy(\.isFinite), "a time is not finite")
    self.times = times
    self.events = events
  }

  /// How many were watched.
  package var count: Int { times.count }
  /// How many events were seen.
  package var eventCount: Int { events.count { $0 } }

  /// Some of them, in this order.
  package func chosen(_ indices: [Int]) -> CensoredTimes {
    CensoredTimes(indices.map { times[$0] }, events: indices.map { events[$0] })
  }

  /// The share of pairs, of which one is known to end first, in which that one has the higher risk;
  /// equal risks count half (Harrell 1982).
  ///
  /// Of two that end at one time, one censored and one not, the event came first; two events at one
  /// time are no pair. 1/2 is chance. Nil where there is no pair. O(n²).
  package func concordance(ofRisks risks: [Double]) -> Double? {
    precondition(risks.count == count, "\(risks.count) risks for \(count) times")
    var (pairs, halves) = (0, 0)
    for i in 0..<count where events[i] {
      for j in 0..<count {
        let isLater = times[j] > times[i] || (times[j] == times[i] && !events[j])
        guard isLater else { continue }
        pairs += 1
        halves += risks[i] > risks[j] ? 2 : risks[i] == risks[j] ? 1 : 0
      }
    }
    return pairs == 0 ? nil : Double(halves) / Double(2 * pairs)
  }

  /// The distinct times in order, with how many were still watched and how many events there were.
  package var table: [(time: Double, atRisk: Int, events: Int)] {
    let order = times.indices.sorted { times[$0] < times[$1] }
    var rows: [(time: Double, atRisk: Int, events: Int)] = []
    for (place, index) in order.enumerated() {
      if rows.last?.time != times[index] { rows.append((times[index], count - place, 0)) }
      if events[index] { rows[rows.count - 1].events += 1 }
    }
    return rows
  }
}
