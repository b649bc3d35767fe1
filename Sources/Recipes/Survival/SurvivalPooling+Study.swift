// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning

extension SurvivalPooling {
  /// The poolings that are compared.
  enum Way: Hashable {
    /// The method: sizes free at a price γ, prototypes begun at clusters of tiles.
    case free(Double)
    /// The same, the whole mass moving from the start.
    case whole(Double)
    /// γ = 1 and prototypes begun by chance, as published.
    case published
    /// Prototypes that get equal mass, all of it from the start.
    case balanced
    case attention, mean, greatest

    /// γ.
    static let sizes = [0.02, 0.05, 0.2, 1]
    /// All but the one that follows the best of them.
    static let compared =
      sizes.map(Way.free) + [.published, .balanced, .attention, .mean, .greatest]

    var name: String {
      switch self {
      case .free(let gamma): "OTSurv, γ = \(short(gamma))"
      case .whole(let gamma): "the same, γ = \(short(gamma)), whole mass from the start"
      case .published: "as published: γ = 1, prototypes by chance"
      case .balanced: "balanced prototypes"
      case .attention: "gated attention"
      case .mean: "mean of tiles"
      case .greatest: "greatest of tiles"
      }
    }

    var pooling: Pooling {
      switch self {
      case .free(let gamma): .transport(sizePenalty: gamma, ramp: true, start: .clusters)
      case .whole(let gamma): .transport(sizePenalty: gamma, ramp: false, start: .clusters)
      case .published: .transport(sizePenalty: 1, ramp: true, start: .chance)
      case .balanced: .transport(sizePenalty: 1_000, ramp: false, start: .clusters)
      case .attention: .attention
      case .mean: .mean
      case .greatest: .greatest
      }
    }

    /// Whether it is the method, which a run of the baseline puts the mean of tiles for.
    var isMethod: Bool {
      switch self {
      case .free, .whole, .published: true
      case .balanced, .attention, .mean, .greatest: false
      }
    }
  }

  /// A pooling's trial, and what training took.
  struct Score {
    var trial: Trial
    let epochs: Int
    var seconds = 0.0

    /// The C-index over folds.
    var index: MeanWithSpread {
      trial.indices.reduce(into: MeanWithSpread()) { $0.add($1) }
    }
  }

  /// The same patients for every pooling.
  struct Study {
    let slides: DigitSlides
    let bags: DigitBags
    /// Of the true hazard.
    let truth: MeanWithSpread
    let training: BagTraining
    private let run: RecipeRun
    private var scores: [Way: Score] = [:]
    /// Of ways that were trained for as long as the method, where their steps are cheaper.
    private var longer: [Way: Score] = [:]

    init(_ run: RecipeRun, _ training: BagTraining) throws {
      (self.run, self.training) = (run, training)
      var chance = run.generator("slides")
      let slides = DigitSlides(try run.data.images(.mnist5k), using: &chance)
      var drawn = SplitMix64(run.seed.derived("draw", 0))
      let bags = DigitBags(
        count: run.size(smoke: 30, standard: 400), folds: run.size(smoke: 2, standard: 5),
        tiles: run.budget == .smoke ? 10...20 : 150...300, from: slides, using: &drawn)
      (self.slides, self.bags) = (slides, bags)
      var truth = MeanWithSpread()
      for fold in bags.folds {
        let own = bags.watched.chosen(fold)
        if let index = own.concordance(ofRisks: fold.map { bags.hazards[$0] }) {
          truth.add(index)
        }
      }
      self.truth = truth
    }

    /// At equal steps.
    subscript(way: Way) -> Score { scores[way]! }

    /// A way that was trained for as long as the method took.
    func atEqualSeconds(_ way: Way) -> Score { longer[way]! }

    /// Trains ways fold by fold, one after the other: what else the machine does takes of all their
    /// seconds.
    mutating func add(_ ways: [Way]) throws {
      for way in ways { scores[way] = score(way, training) }
      for fold in bags.folds.indices {
        for way in ways { try train(way, fold, &scores[way]!) }
      }
    }

    /// Trains ways again, in as many epochs as take each as long as the method took; where those are the
    /// same, it is not trained again.
    mutating func add(_ ways: [Way], asLongAs method: Way) throws {
      for way in ways {
        var training = training
        training.epochs = EqualSeconds.steps(
          training.epochs, taking: self[way].seconds, method: self[method].seconds)
        longer[way] =
          training.epochs == self.training.epochs ? self[way] : score(way, training)
      }
      for fold in bags.folds.indices {
        for way in ways where longer[way]!.trial.models.count == fold {
          try train(way, fold, &longer[way]!)
        }
      }
    }

    private func score(_ way: Way, _ training: BagTraining) -> Score {
      let isControl = way.isMethod && run.subject == .baseline
      return Score(
        trial: Trial(
          isControl ? .mean : way.pooling, bags.set, folds: bags.folds, training,
          key: RandomKey(run.seed.derived("draw", 0).derived("model")), bags: bags),
        epochs: training.epochs)
    }

    private func train(_ way: Way, _ fold: Int, _ score: inout Score) throws {
      run.note("fold \(fold + 1): \(way.name), \(score.epochs) epochs")
      score.seconds += try run.timed { try score.trial.trainForNextFold() }.seconds
    }
  }
}
