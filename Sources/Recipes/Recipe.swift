// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import Foundation

/// A paper as something that runs: it arranges parts of the rooms, and owns no algorithm.
public protocol Recipe: Sendable {
  /// What it is after.
  var paper: Paper { get }
  /// What the paper claims, as far as it is checked here; thresholds are set once, not tuned.
  var claims: [Claim] { get }
  /// The data it runs on that is not in the product; nothing by default.
  var needs: [DataItem] { get }
  /// What is larger under the full budget, beside its seeds; nil, the default, where nothing is.
  var larger: String? { get }

  /// Runs it, and measures what the claims are about.
  ///
  /// - Returns: one measurement for each claim.
  /// - Throws: what its solvers throw.
  func run(in run: RecipeRun) throws -> Findings
}

extension Recipe {
  /// Nothing: most recipes make their data from the seed.
  public var needs: [DataItem] { [] }
  /// Nothing: sizes are those of the data, or large enough.
  public var larger: String? { nil }
}

/// What a recipe is after.
public struct Paper: Sendable, Equatable {
  /// The recipe's name on the command line: `color-transfer`.
  public let name: String
  /// One line on what it does.
  public let title: String
  /// A few sentences for somebody who has not read the papers.
  public let idea: String
  /// The data it runs on, and where they are from.
  public let data: String
  /// What to read and to cite, the paper itself first.
  public let references: [Reference]

  /// - Parameters:
  ///   - references: the paper itself first; at least one.
  public init(name: String, title: String, idea: String, data: String, references: [Reference]) {
    self.name = name
    self.title = title
    self.idea = idea
    self.data = data
    self.references = references
  }
}

/// How much a run may take.
public enum Budget: String, Sendable, Codable, CaseIterable {
  /// Seconds, at toy sizes: proves that it runs. Its claims are not evaluated.
  case smoke
  /// A few minutes; claims are evaluated.
  case standard
  /// Up to half an hour: three seeds, each at sizes of at least `standard`; claims are evaluated by
  /// their means, and shown with intervals.
  case full
}

/// What a run is of.
public enum Subject: String, Sendable, Codable {
  /// The paper's method.
  case method
  /// Its baseline under the method's name: a claim that holds for it, too, says nothing.
  case baseline
}

/// What a recipe is given to run with.
public struct RecipeRun: Sendable {
  /// How much it may take.
  public let budget: Budget
  /// Where all its chance comes from.
  public let seed: Seed
  /// What it runs.
  public let subject: Subject
  /// Where the data is that recipes need.
  public let data: DataShelf
  /// Time since any fixed moment: rooms have no clock of their own.
  public let now: @Sendable () -> Duration
  /// Told what is being done.
  public let note: @Sendable (String) -> Void

  /// - Parameters:
  ///   - data: a folder that is not there will do for recipes that need none.
  ///   - now: time since any fixed moment; a clock that stands still makes all durations 0.
  ///   - note: told what is being done.
  public init(
    budget: Budget = .standard, seed: Seed = Seed(1), subject: Subject = .method,
    data: DataShelf = DataShelf(folder: "data"), now: @escaping @Sendable () -> Duration,
    note: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.budget = budget
    self.seed = seed
    self.subject = subject
    self.data = data
    self.now = now
    self.note = note
  }

  /// Chance for one purpose, independent of that of every other one.
  public func generator(_ stream: String) -> SplitMix64 { SplitMix64(seed.derived(stream)) }

  /// A result, and the seconds it took.
  public func timed<Value>(_ body: () throws -> Value) rethrows -> (value: Value, seconds: Double) {
    let start = now()
    let value = try body()
    return (value, (now() - start) / .seconds(1))
  }

  /// One size or another; where nothing larger is said, full is standard.
  func size(smoke: Int, standard: Int, full: Int? = nil) -> Int {
    switch budget {
    case .smoke: smoke
    case .standard: standard
    case .full: full ?? standard
    }
  }

  /// The same run from another seed.
  func with(seed: Seed) -> RecipeRun {
    RecipeRun(budget: budget, seed: seed, subject: subject, data: data, now: now, note: note)
  }
}

extension SplitMix64 {
  /// A normal number (Box and Muller 1958).
  mutating func normal() -> Double {
    let u = 1 - Double.random(in: 0..<1, using: &self)
    let v = Double.random(in: 0..<1, using: &self)
    return (-2 * log(u)).squareRoot() * cos(2 * .pi * v)
  }
}
