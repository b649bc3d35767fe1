// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport

extension ProductQuantization {
  /// What came of reading some lists of an inverted file.
  struct Reading {
    let probes: Int
    /// The share of the nearest that are found.
    let recall: Double
    /// How much faster it is than reading all codes without lists.
    let speedup: Double
  }

  /// Lists of an inverted file, read more and more of.
  struct Lists {
    let count: Int
    let readings: [Reading]
    /// Of reading all codes without lists.
    let recall: Double

    init(_ run: RecipeRun, _ data: Vectors, _ quantizer: ProductQuantizer) throws {
      run.note("the index")
      let count = run.size(smoke: 4, standard: 32)
      let centers = try CodebookTraining(
        parts: 1, codewords: count, rounds: 15, seed: run.seed.derived("lists")
      ).taught(on: data.documents).quantizer.codebooks[0]
      let index = try InvertedIndex(data.documents, centers: centers, quantizer: quantizer)
      /// The recall, and the least time of a few rounds over all queries.
      func measured(
        _ search: ([Double]) throws -> [ProductQuantizer.Found]
      ) throws -> (recall: Double, seconds: Double) {
        var (hits, least) = (0, Double.infinity)
        for _ in 0..<run.size(smoke: 1, standard: 5) {
          let (found, seconds) = try run.timed { try data.queries.map(search) }
          least = min(least, seconds)
          hits = zip(found, data.nearest).reduce(0) { sum, one in
            sum + one.0.count { one.1.contains($0.index) }
          }
        }
        return (Double(hits) / Double(wanted * data.queries.count), least)
      }
      let all = try measured { try quantizer.search($0, in: index.codes, count: wanted) }
      readings = try ([1, 2, 3, 4, 6, 8, 16].filter { $0 < count } + [count]).map { probes in
        let one = try measured { try index.search($0, count: wanted, probes: probes) }
        return Reading(
          probes: probes, recall: one.recall, speedup: all.seconds / one.seconds)
      }
      self.count = count
      recall = all.recall
    }

    /// The fewest lists that lose at most 1 % of the recall.
    var enough: Reading { readings.first { $0.recall >= 0.99 * recall } ?? readings.last! }

    var table: FindingTable {
      FindingTable(
        title: "Lists read by a search, codes of nearest codewords",
        columns: ["lists", "recall", "times as fast as all codes"],
        rows: readings.map {
          ["\($0.probes) of \(count)", short($0.recall), short($0.speedup)]
        } + [["no lists", short(recall), "1"]])
    }
  }
}
