// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import FerryOptimalTransport

extension ProductQuantization {
  /// An encoder trained with its codewords, from codewords that all lie in one place: with each way of
  /// giving them out, all else equal.
  struct Joint {
    /// Who takes which codeword in training; a search takes nearest ones.
    enum Way: String, CaseIterable {
      case nearest, entropic, even

      var assignment: CodeAssignment {
        switch self {
        case .nearest: .nearest
        case .entropic: .entropic(strength)
        case .even: .even
        }
      }
    }

    /// What came of one way over the draws.
    struct Score {
      /// The share of a query's ten documents that show its digit.
      var precision = MeanWithSpread()
      /// Of a part's codes, of 4.
      var bits = MeanWithSpread()
      /// The share of codes that are distinct.
      var distinct = MeanWithSpread()
      var steps = MeanWithSpread()
      var seconds = 0.0
    }

    static let parts = 4
    static let dimensions = 32
    /// Four vectors a codeword at least, the paper says; here it is 32.
    static let batch = 512
    /// Of the encoder, and of codewords, which move ten times as fast: the paper's least ratio.
    static let rates: (encoder: Float, codewords: Float) = (1e-3, 1e-2)
    /// What the squared error of codes weighs beside the contrast.
    static let errorWeight: Float = 0.05
    /// Deviation of the first codewords, as a share of that of the vectors.
    static let neighborhood = 0.1

    private(set) var scores: [Way: Score] = [:]
    /// Of nearest codewords that were trained for as long as entropic ones took in the same draw.
    private(set) var longer = Score()

    init(_ run: RecipeRun, _ data: Vectors) throws {
      let digits = CenteredDigits(data)
      let steps = run.size(smoke: 3, standard: 200)
      for draw in 0..<run.size(smoke: 1, standard: 5) {
        let key = RandomKey(run.seed.derived("joint", UInt64(draw)))
        /// Trains from the same parameters on the same batches, and returns the seconds.
        func add(_ way: Way, steps: Int, to score: inout Score) throws -> Double {
          run.note("joint training \(draw + 1): \(way.rawValue) codewords, \(steps) steps")
          let (model, seconds) = try run.timed {
            var model = try JointCodes(startingFrom: digits, key: key)
            try model.train(digits, way.assignment, steps: steps, key: key)
            return model
          }
          score.steps.add(Double(steps))
          score.seconds += seconds
          try model.judge(on: digits, into: &score)
          return seconds
        }
        var seconds: [Way: Double] = [:]
        for way in Way.allCases {
          seconds[way] = try add(way, steps: steps, to: &scores[way, default: Score()])
        }
        let more = EqualSeconds.steps(
          steps, taking: seconds[.nearest]!, method: seconds[.entropic]!)
        _ = try add(.nearest, steps: more, to: &longer)
      }
    }

    /// By how much the share of right documents is above that of nearest codewords, at equal steps or at
    /// equal seconds.
    func gain(of way: Way, atEqualSeconds: Bool = false) -> Double {
      let nearest = atEqualSeconds ? longer : scores[.nearest]!
      return scores[way]!.precision.mean - nearest.precision.mean
    }

    var table: FindingTable {
      FindingTable(
        title: "Encoder and codewords trained together, by how codewords are given out in training",
        columns: ["codewords", "precision@10", "±", "bits", "distinct, %", "steps", "s"],
        rows: (Way.allCases.map { ($0.rawValue, scores[$0]!) }
          + [("nearest, as long as entropic", longer)]).map { name, score in
            [name, short(score.precision.mean), short(score.precision.spread)]
              + [short(score.bits.mean), short(100 * score.distinct.mean)]
              + [short(score.steps.mean), short(score.seconds)]
          })
    }
  }
}
