// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Foundation

/// A small table in the form of gbsg2, drawn from a seed, and two that are only there.
enum MadeTimes {
  static let files: [String: [UInt8]] = [
    "survival/gbsg2.csv": Array(table.utf8), "survival/rossi.csv": Array("week\n".utf8),
    "survival/lung.csv": Array("time\n".utf8),
  ]

  private static var table: String {
    var chance = SplitMix64(Seed(86))
    var text = "horTh,age,menostat,tsize,tgrade,pnodes,progrec,estrec,time,cens\n"
    for _ in 0..<60 {
      let nodes = Int.random(in: 1...15, using: &chance)
      let wait = -log(Double.random(in: 0.01...1, using: &chance)) / (1 + Double(nodes) / 5)
      text +=
        [
          ["yes", "no"].randomElement(using: &chance)!,
          "\(Int.random(in: 30...75, using: &chance))",
          ["Pre", "Post"].randomElement(using: &chance)!,
          "\(Int.random(in: 5...60, using: &chance))",
          ["I", "II", "III"].randomElement(using: &chance)!, "\(nodes)",
          "\(Int.random(in: 0...300, using: &chance))",
          "\(Int.random(in: 0...300, using: &chance))",
          "\(1 + Int(1_000 * wait))", Bool.random(using: &chance) ? "1" : "0",
        ].joined(separator: ",") + "\n"
    }
    return text
  }
}
