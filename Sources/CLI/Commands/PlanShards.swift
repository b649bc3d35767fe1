// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryPlanning

struct PlanShards: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shards",
    abstract: "Choose how a model's state is sharded over ranks in nested groups.",
    discussion: """
      What each rank holds and sends a step, and how long that takes, for known
      schemes; bf16 weights and gradients, 12 bytes of state a parameter. A column
      for the links of each level, the innermost first: dies of a card, cards of a
      host, hosts. Computing is not counted.

        data-parallel  everything on each rank
        zero-1, 2, 3   state over all ranks; and gradients; and weights
        mics           all three inside the outermost level only
        hpz            weights inside the outermost level, the rest over all
        zero++         that with int8 weights and int4 gradients
        nested         weights innermost, gradients inside the outermost level,
                       state over all; int8 weights, int4 gradients

      Plain data-parallel or zero-1 is taken where it fits, else the fastest.

      Examples:
        ferry plan shards 20e9 --sizes 2,4,48 --speeds 200,75,12.5
        ferry plan shards 7e9 --sizes 4,2 --speeds 50,1 --memory 80 --json

      Exit codes: 0 chosen or none fits, 2 no such nest or speeds, 64 wrong usage.
      """)

  @Argument(help: ArgumentHelp("How many parameters the model has.", valueName: "parameters"))
  var parameters: Double

  @Option(
    help: ArgumentHelp("How many meet at each level, innermost first.", valueName: "list"),
    transform: { try PlanShards.numbers($0).map { Int(exactly: $0) ?? 0 } })
  var sizes: [Int]

  @Option(
    help: ArgumentHelp("GB a second of a rank's links at each level.", valueName: "list"),
    transform: PlanShards.numbers)
  var speeds: [Double]

  @Option(help: "GB that each rank has for weights, gradients and state.") var memory = 64.0
  @Option(help: "Gradients that are added up before a step.") var microBatches = 1

  @OptionGroup var output: OutputOptions

  func run() throws {
    let plan = try ShardsPlan(
      parameters: parameters, nest: Nest(sizes), gigabytesPerSecond: speeds, memory: memory * 1e9,
      batches: microBatches)
    output.console.result(plan, text: plan.text)
  }

  private static func numbers(_ text: String) throws -> [Double] {
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
    guard numbers.allSatisfy({ $0 != nil }) else {
      throw ValidationError("\"\(text)\" is no list like 2,4,48.")
    }
    return numbers.compactMap(\.self)
  }
}
