// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Whether two groups' events come at one rate (Mantel 1966).
package struct LogRank: Sendable, Equatable {
  /// `(O − E)² / V` of the first group's events: χ² with one degree of freedom where the rates are
  /// equal.
  package let statistic: Double
  /// How likely it is then to be at least as great.
  package let pValue: Double

  /// Of two groups; 0 and 1 where no time tells them apart, as where one is empty.
  package init(_ first: CensoredTimes, _ second: CensoredTimes) {
    let all = CensoredTimes(first.times + second.times, events: first.events + second.events)
    let own = first.table
    var (excess, variance) = (0.0, 0.0)
    var at = 0
    for row in all.table {
      // Who of the first group is still watched: those from the first of its own times not past.
      while at < own.count, own[at].time < row.time { at += 1 }
      guard row.events > 0 else { continue }
      let watched = at < own.count ? Double(own[at].atRisk) : 0
      let seen = at < own.count && own[at].time == row.time ? Double(own[at].events) : 0
      let (n, d) = (Double(row.atRisk), Double(row.events))
      excess += seen - d * watched / n
      guard n > 1 else { continue }
      variance += d * watched * (n - watched) * (n - d) / (n * n * (n - 1))
    }
    statistic = variance > 0 ? excess * excess / variance : 0
    pValue = erfc((statistic / 2).squareRoot())
  }
}
