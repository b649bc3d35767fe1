// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryBasics
import FerryPlanning

struct Plan: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Work out who should send what over which link, before a byte leaves.",
    subcommands: [PlanFlows.self, PlanRing.self, PlanShards.self, PlanTransfer.self])
}

struct PlanFlows: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flows",
    abstract: "Compare ways to lay flows over the paths of a leaf-spine fabric.",
    discussion: """
      Simulated, nothing is sent. Every flow is one unit, every link carries one
      unit a time. LOAD is the largest of a link between leaf and spine, in flows;
      of ECMP the mean and the worst of all hashes. TO SPRAYING compares the time
      with that of ideal packet spraying when senders pace their pieces by size,
      UNPACED when every piece gets the same of a full link.

        spraying           every packet over another path: ideal, and out of order
        ecmp               a hash of each flow picks its path
        greedy-uplinks     the least loaded link up from the sender's leaf
        greedy-paths       the least loaded path, if somebody sees the whole fabric
        splitting-paper    flows cut at the source by the rule of Ethereal
        splitting-by-host  the fewest cuts that balance, each host for itself
        splitting          the fewest cuts that balance, for each leaf

      Examples:
        ferry plan flows all-to-all --spines 6
        ferry plan flows permuted-ring --leaves 4 --hosts 4 --failed 1
        ferry plan flows ring --json     one object a placement

      Exit codes: 0 compared, 2 no such fabric or traffic, 64 wrong usage.
      """)

  @Argument(
    help: ArgumentHelp(
      "all-to-all, ring, permuted-ring, halving-doubling or incast.", valueName: "pattern"),
    completion: .list(TrafficPattern.allCases.map(\.rawValue)),
    transform: { text in
      guard let pattern = TrafficPattern(rawValue: text) else {
        let known = TrafficPattern.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("There is no pattern \"\(text)\". There are: \(known).")
      }
      return pattern
    })
  var pattern: TrafficPattern

  @Option(help: "Switches with hosts on them.") var leaves = 8
  @Option(help: "Hosts on each leaf.") var hosts = 8
  @Option(help: "Switches between leaves: the paths.") var spines = 8
  @Option(help: "A spine that failed, from 0; may be repeated.") var failed: [Int] = []
  @Option(help: "Of hashes and of the permuted ring.") var seed: UInt64 = 1
  @Option(help: "How many hashes ECMP is tried with.") var hashes = 50

  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (1...PlacementComparison.hashesMax) ~= hashes else {
      throw ValidationError(
        "--hashes must be 1 to \(PlacementComparison.hashesMax), got \(hashes).")
    }
  }

  func run() throws {
    let fabric = try Fabric(leaves: leaves, hostsPerLeaf: hosts, spines: spines)
      .failing(spines: Set(failed))
    let rows = try PlacementComparison(on: fabric, seed: Seed(seed), hashes: hashes).rows(pattern)
    let console = output.console
    switch console.format {
    case .json: for row in rows { console.emit(json: FlowsLine(pattern: pattern.rawValue, row)) }
    case .text: Terminal.write(FlowsTable(rows).text, to: .standardOutput)
    }
  }
}

struct PlanRing: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ring",
    abstract: "Find the order of a ring whose slowest link is fastest.",
    discussion: """
      Of those orders, the one with the least latency all round. The best of all
      up to \(RingOrder.exactMembersMax) members; beyond, the best that a search
      from a seed finds. The file lists the members, and what was measured between
      them. A link listed one way only is the same both ways; a pair that is not
      listed has no link:

        {"peers": ["a", "b", "c"],
         "links": [{"from": "a", "to": "b", "megabits": 200, "milliseconds": 40}, …]}

      Examples:
        ferry plan ring links.json
        ferry plan ring links.json --bytes 1048576 --json | jq -r '.order[]'

      Exit codes: 0 found, 2 a file that cannot be used, or no ring, 64 wrong usage.
      """)

  @Argument(
    help: ArgumentHelp("The measured links, as JSON.", valueName: "links.json"),
    completion: .file(extensions: ["json"]))
  var path: String

  @Option(help: "Of the vector whose all-reduce is timed.") var bytes = 64 << 20
  @Option(help: "Of the search in large groups; all members use the same.") var seed: UInt64 = 1

  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (1...AllReduceCost.bytesMax) ~= bytes else {
      throw ValidationError("--bytes must be 1 to \(AllReduceCost.bytesMax), got \(bytes).")
    }
  }

  func run() throws {
    let plan = try RingPlan(LinksFile.read(path), bytes: bytes, seed: Seed(seed))
    output.console.result(plan, text: plan.text)
  }
}
