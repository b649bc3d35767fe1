// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryLearning
import FerryPeers
import FerryStrategies
import Foundation

/// `ferry bench strategies`: what each strategy learns from the same tokens, and what it sends.
///
/// All peers run in this process (`LocalGroup`), one after another: losses and bytes depend on the
/// options alone, not on the machine or its load.
struct StrategiesBench {
  /// A GPT that takes a few milliseconds a step on one core.
  static let model = GPTConfiguration(
    vocabulary: Corpus.vocabularySize, context: 64, layers: 2, width: 64, heads: 4)
  /// Sequences a step on each peer.
  static let batch = 8
  /// Of the validation part, evenly spread.
  static let validationWindows = 512

  struct Options: ParsableArguments {
    @Option(help: "strategies: seeds, the first of which the rates are chosen on.")
    var seeds = 3
    @Option(help: "strategies: peers that train together.")
    var peers = 4
    @Option(help: "strategies: steps of each peer.")
    var steps = 1000
    @Option(help: "strategies: DiLoCo's steps between meetings, comma-separated.")
    var innerSteps = "25,100"
    @Option(help: "strategies: learning rates to choose from, comma-separated.")
    var rates = "0.002,0.004,0.008"
    @Option(help: "strategies: DiLoCo's outer rates to choose from, comma-separated.")
    var outerRates = "0.7"
    @Option(help: "strategies: DiLoCo's outer momentum.")
    var outerMomentum: Float = 0.9
    @Option(help: "strategies: threads of the engine.")
    var threads = 1
    @Flag(help: "strategies: also one peer that reads all tokens alone.")
    var aloneAll = false

    func validate() throws {
      let steps = parsed(innerSteps, as: Int.self)
      guard let steps, steps.allSatisfy({ $0 > 0 && self.steps.isMultiple(of: $0) }) else {
        throw ValidationError("--inner-steps must divide --steps, got \(innerSteps).")
      }
      for (name, text) in [("rates", rates), ("outer-rates", outerRates)] {
        guard let values = parsed(text, as: Float.self), values.allSatisfy({ $0 > 0 && $0 <= 10 })
        else { throw ValidationError("--\(name) must be numbers above 0, got \(text).") }
      }
      guard (1...100).contains(seeds), (2...32).contains(peers),
        (1...1_000_000).contains(self.steps),
        (1...Engine.threadsMax).contains(threads), (0..<1).contains(outerMomentum)
      else { throw ValidationError("--seeds, --peers, --steps or --threads is out of range.") }
    }

    func parsed<Value: LosslessStringConvertible>(_ text: String, as: Value.Type) -> [Value]? {
      let values = text.split(separator: ",").map { Value(String($0)) }
      return values.isEmpty || values.contains { $0 == nil } ? nil : values.compactMap(\.self)
    }
  }

  let options: Options
  let console: Console
  private let corpus: Corpus

  init(_ options: Options, console: Console) throws {
    self.options = options
    self.console = console
    try Engine.configure(threads: options.threads)
    let cache = DataFolder.path(environment: ProcessInfo.processInfo.environment)
    let path = try TextSource.fetch(named: "kjv", cache: cache) { console.note($0) }
    corpus = try Corpus(path: path, validationFraction: 0.1)
  }

  /// Measures all contestants, and prints a table or one object a contestant.
  func run() throws {
    var outcomes: [Outcome] = []
    for contestant in contestants { outcomes.append(try measure(contestant)) }
    let reference = outcomes[0].exchangeBytesPerStep
    for i in outcomes.indices where outcomes[i].exchangeBytesPerStep > 0 {
      outcomes[i].timesFewerBytes = reference / outcomes[i].exchangeBytesPerStep
    }
    if console.format == .json {
      for outcome in outcomes { console.emit(json: outcome) }
    } else {
      Terminal.write(table(outcomes), to: .standardOutput)
    }
  }

  private var contestants: [Contestant] {
    let lists = options.parsed(options.innerSteps, as: Int.self) ?? []
    let alone = Contestant(kind: .dataParallel, peers: 1, steps: options.steps)
    let all = Contestant(kind: .dataParallel, peers: 1, steps: options.steps * options.peers)
    return [Contestant(kind: .dataParallel, peers: options.peers, steps: options.steps)]
      + lists.map { Contestant(kind: .diloco($0), peers: options.peers, steps: options.steps) }
      + [alone] + (options.aloneAll ? [all] : [])
  }

  /// Chooses the rates on the first seed, then repeats with the others.
  private func measure(_ contestant: Contestant) throws -> Outcome {
    let rates = options.parsed(options.rates, as: Float.self) ?? []
    let outerRates: [Float] =
      contestant.isDiLoCo ? options.parsed(options.outerRates, as: Float.self) ?? [] : [1]
    var sweep: [Trial] = []
    for outer in outerRates {
      for rate in rates {
        sweep.append(try trial(contestant, rate: rate, outer: outer, seed: 1))
      }
    }
    guard let best = sweep.min(by: { $0.bitsPerByte < $1.bitsPerByte }) else {
      preconditionFailure("a sweep without rates")
    }
    var trials = [best]
    for seed in 1..<options.seeds {
      trials.append(
        try trial(contestant, rate: best.rate, outer: best.outerRate, seed: UInt64(seed + 1)))
    }
    return Outcome(contestant, sweep: sweep, trials: trials)
  }

  private func trial(
    _ contestant: Contestant, rate: Float, outer: Float, seed: UInt64
  ) throws -> Trial {
    let clock = ContinuousClock()
    let start = clock.now
    var trial: Trial
    do {
      switch contestant.kind {
      case .dataParallel:
        trial = try train(DataParallel(), contestant, codec: .float32, rate, Seed(seed))
      case .diloco(let steps):
        let strategy = DiLoCo(
          localSteps: steps,
          outer: OuterStep(learningRate: outer, momentum: options.outerMomentum))
        trial = try train(strategy, contestant, codec: .int8, rate, Seed(seed))
      }
    } catch let error as any FerryError
      where ["loss-not-finite", "not-finite"].contains(error.codeName)
    {
      // A rate that is too high loses the sweep; it does not end it.
      trial = Trial()
    }
    (trial.rate, trial.outerRate, trial.seed) = (rate, outer, seed)
    let seconds = Int((clock.now - start) / .seconds(1))
    console.note(
      "\(contestant.name), rate \(rate)\(contestant.isDiLoCo ? ", outer rate \(outer)" : ""), "
        + "seed \(seed): \(Self.fixed(trial.bitsPerByte, 4)) bits/byte, \(seconds) s")
    return trial
  }

  private func train<S: Strategy>(
    _ strategy: S, _ contestant: Contestant, codec: CodecKind, _ rate: Float, _ seed: Seed
  ) throws -> Trial {
    let data = try WindowDataset(
      corpus, context: Self.model.context, seed: seed.derived("data"))
    let steps = UInt64(contestant.steps)
    // A group of several first meets in a round without work.
    let rounds = contestant.steps / contestant.stepsPerRound + (contestant.peers > 1 ? 1 : 0)
    let trainers = try (0..<contestant.peers).map { index in
      let gpt = try GPT(Self.model, seed: seed.derived("parameters"))
      let id = PeerID(bytes: Array(repeating: UInt8(index + 1), count: PeerID.byteCount))!
      return Trainer(
        me: Member(id: id, incarnation: 1),
        replica: TextReplica(try LanguageModelReplica(gpt), data: data), strategy: strategy,
        options: .init(
          batchSize: Self.batch, roundLast: UInt64(rounds),
          learningRate: LearningRate(
            peak: rate, warmupSteps: steps / 20, decay: .cosine(until: steps, floor: 0.1))))
    }
    var tokens = 0
    let settings = GroupLogic.Settings(
      codec: codec, seed: seed.derived("rounds"), membersMin: contestant.peers)
    let group = LocalGroup(trainers, settings: settings) { tokens += $1.tokens }
    try group.run()
    let states = try group.states()
    precondition(
      states.allSatisfy { $0 == states[0] }, "the members do not hold the same state")
    let loss = try group.replica.validationLoss(rows: 16, windows: Self.validationWindows)
    return Trial(
      bitsPerByte: RunSetup.bits(loss), tokens: tokens,
      exchangeBytes: group.bytesSent(for: .exchange),
      agreementBytes: group.bytesSent(for: .membership) + group.bytesSent(for: .heartbeat))
  }

  // MARK: Output

  private func table(_ outcomes: [Outcome]) -> String {
    var table = TextTable([
      ("", .leading), ("RATE", .trailing), ("TOKENS", .trailing), ("BITS/BYTE", .trailing),
      ("±", .trailing), ("VS FIRST", .trailing), ("BYTES/PEER/STEP", .trailing),
      ("AND TO AGREE", .trailing), ("TIMES FEWER", .trailing),
    ])
    for outcome in outcomes {
      table.add([
        outcome.name, "\(outcome.trials[0].rate)", "\(outcome.trials[0].tokens)",
        Self.fixed(outcome.bitsPerByteMean, 4), Self.fixed(outcome.bitsPerByteDeviation, 4),
        Self.fixed(100 * (outcome.bitsPerByteMean / outcomes[0].bitsPerByteMean - 1), 2) + " %",
        Self.fixed(outcome.exchangeBytesPerStep, 0), Self.fixed(outcome.agreementBytesPerStep, 0),
        outcome.timesFewerBytes.map { Self.fixed($0, 1) } ?? "-",
      ])
    }
    return table.text
  }

  private static func fixed(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }
}

extension StrategiesBench {
  /// One way to train, at equal steps of each peer.
  struct Contestant {
    enum Kind {
      case dataParallel
      case diloco(Int)
    }

    let kind: Kind
    let peers: Int
    let steps: Int

    var isDiLoCo: Bool { stepsPerRound > 1 || name.hasPrefix("DiLoCo") }
    var stepsPerRound: Int {
      switch kind {
      case .dataParallel: 1
      case .diloco(let steps): steps
      }
    }
    var name: String {
      switch kind {
      case .dataParallel where peers == 1: "one peer alone, \(steps) steps"
      case .dataParallel: "data-parallel f32, \(peers) peers"
      case .diloco(let steps): "DiLoCo int8 H = \(steps), \(peers) peers"
      }
    }
  }

  /// One training from start to end.
  struct Trial: Codable {
    var rate: Float = 0
    var outerRate: Float = 0
    var seed: UInt64 = 0
    /// Of the validation part, at the end; infinite when the loss was no number.
    var bitsPerByte = Double.infinity
    var tokens = 0
    /// Of all peers together.
    var exchangeBytes = 0
    var agreementBytes = 0
  }

  /// A contestant's figures, as `--json` prints them.
  struct Outcome: Codable {
    let name: String
    let peers: Int
    let stepsPerPeer: Int
    let sweep: [Trial]
    /// At the best rate, one a seed.
    let trials: [Trial]
    let bitsPerByteMean: Double
    /// Of the sample; 0 for one seed.
    let bitsPerByteDeviation: Double
    let exchangeBytesPerStep: Double
    let agreementBytesPerStep: Double
    /// Exchange bytes against the first contestant's.
    var timesFewerBytes: Double?

    init(_ contestant: Contestant, sweep: [Trial], trials: [Trial]) {
      name = contestant.name
      peers = contestant.peers
      stepsPerPeer = contestant.steps
      self.sweep = sweep
      self.trials = trials
      let bits = trials.map(\.bitsPerByte)
      let mean = bits.reduce(0, +) / Double(bits.count)
      bitsPerByteMean = mean
      bitsPerByteDeviation =
        bits.count < 2
        ? 0
        : (bits.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(bits.count - 1)).squareRoot()
      let steps = Double(contestant.peers * contestant.steps)
      exchangeBytesPerStep = Double(trials[0].exchangeBytes) / steps
      agreementBytesPerStep = Double(trials[0].agreementBytes) / steps
    }
  }
}
