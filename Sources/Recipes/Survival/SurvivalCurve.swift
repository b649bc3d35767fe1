// SPDX-License-Identifier: Apache-2.0

/// The share that is still without the event, as a function of time (Kaplan and Meier 1958).
package struct SurvivalCurve: Sendable, Equatable {
  /// Where it falls, ascending.
  package let times: [Double]
  /// What it falls to there, from 1 down to 0.
  package let shares: [Double]

  /// Of what was watched.
  package init(_ watched: CensoredTimes) {
    var share = 1.0
    var (times, shares): ([Double], [Double]) = ([], [])
    for row in watched.table where row.events > 0 {
      share *= Double(row.atRisk - row.events) / Double(row.atRisk)
      times.append(row.time)
      shares.append(share)
    }
    self.times = times
    self.shares = shares
  }

  /// The share without the event after this time.
  package func callAsFunction(_ time: Double) -> Double {
    times.lastIndex { $0 <= time }.map { shares[$0] } ?? 1
  }
}
