// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryBasics
import FerryCollectives
import FerryIslands
import FerryPeers
import Foundation

struct Island: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Average vectors among ranks of an mpirun, and among such islands.",
    discussion: """
      Started by mpirun, on each rank. Inside, MPI does the work; the leaders of
      several islands meet over encrypted links. A rank that dies ends its island, as
      MPI has it, and the other islands go on. FERRY_MPI_LIBRARY names the library
      that make mpi builds, if it is not beside the program.

      Examples:
        ferry island --rounds 1                    an island of one rank
        mpirun -np 4 ferry island --rounds 100     one island
        mpirun -np 4 ferry island --islands 2      the first of two; prints LINE
        mpirun -np 4 ferry island --join LINE      the second

      Exit codes: 0 done, 1 failed on the way, 2 refused, 64 wrong usage. With --json
      one object a round.
      """)

  @Option(help: "Floats of the vector.")
  var count = 1 << 20

  @Option(help: "How many rounds.")
  var rounds = 10

  @Option(help: "The first round waits for so many islands.")
  var islands = 1

  @Option(help: "The line that the first island's leader printed.")
  var join: String?

  @Option(help: "Where the leader listens, as host:port.")
  var listen = "127.0.0.1:0"

  @OptionGroup var output: OutputOptions

  /// The longest vector, in floats.
  static let countMax = 1 << 28
  /// The most islands that a round waits for.
  static let islandsMax = 64
  /// How long a round may take.
  private static let roundMax: Duration = .seconds(120)

  func validate() throws {
    guard (1...Self.countMax) ~= count, rounds > 0 else {
      throw ValidationError("--count must be 1 to \(Self.countMax), --rounds at least 1.")
    }
    guard (1...Self.islandsMax) ~= islands else {
      throw ValidationError("--islands must be 1 to \(Self.islandsMax).")
    }
    guard HostPort(listen) != nil else { throw ValidationError("--listen is no host:port.") }
  }

  /// What a round came to, for scripts.
  struct Round: Encodable {
    let round: UInt64
    let islands: Int
    let ranks: Int
    let first: Float
    let milliseconds: Double
  }

  func run() async throws {
    let plan = self
    let console = output.console
    try await RunSession.onThread { try plan.work(console) }
  }

  private func work(_ console: Console) throws {
    let environment = ProcessInfo.processInfo.environment
    let engine = try MPIEngine(library: Self.library(environment))
    // What the launcher says and what MPI says must be the same.
    if let told = try LaunchEnvironment.place(in: environment), told.size == engine.size,
      told.rank != engine.rank
    {
      throw IslandError(
        .engineFailed, "\(told.launcher.rawValue) says rank \(told.rank), MPI \(engine.rank)",
        place: "start",
        remedy: "Start ferry by the mpirun of the MPI that make mpi was called with.")
    }
    var group: PeerGroup?
    if engine.rank == 0, islands > 1 || join != nil { group = try enter(console) }
    if engine.rank == 0 { console.note("\(engine.size) ranks, \(engine.version)") }
    let island = IslandGroup(engine, leading: group)
    var values = [Float](repeating: 0, count: count)
    var done: UInt64 = 0
    while done < UInt64(rounds) {
      // The mean is 1 with an even spread of ranks: each gives its rank, shifted.
      for i in values.indices {
        values[i] = Float(engine.rank) - Float(engine.size - 1) / 2 + 1
      }
      let start = ContinuousClock.now
      let outcome = try island.allReduce(&values, within: Self.roundMax)
      let took = ContinuousClock.now - start
      done = outcome.number
      guard abs(values[0] - 1) < 1e-4, values.allSatisfy({ $0 == values[0] }) else {
        throw IslandError(
          .engineFailed, "the mean is \(values[0])", place: "round \(done)",
          remedy: "The engine does not add up; report it with its version.")
      }
      guard engine.rank == 0 else { continue }
      let round = Round(
        round: outcome.number, islands: outcome.islands, ranks: outcome.ranks, first: values[0],
        milliseconds: took / .milliseconds(1))
      console.result(
        round,
        text: "round \(round.round) islands \(round.islands) ranks \(round.ranks) "
          + "\((round.milliseconds * 100).rounded() / 100) ms")
    }
    try group?.leave(within: .seconds(10))
  }

  private func enter(_ console: Console) throws -> PeerGroup {
    let line = try join.map { try JoinLine.parse($0) }
    var generator = SystemRandomNumberGenerator()
    var settings = PeerGroup.Settings(
      run: line?.run ?? "islands", secret: line?.secret ?? RunSecret.generated(using: &generator))
    let place = HostPort(listen)!
    settings.listen = PeerAddress(host: place.host, port: place.port)
    settings.group.membersMin = islands
    if let line {
      return try PeerGroup.join(at: line.address, settings, within: Self.roundMax).group
    }
    let group = try PeerGroup.found(settings)
    Terminal.write("\(group.joinLine().text)\n", to: .standardError)
    return group
  }

  /// Where the library of the back end is.
  private static func library(_ environment: [String: String]) -> String {
    if let named = environment["FERRY_MPI_LIBRARY"] { return named }
    let program =
      Bundle.main.executableURL?.resolvingSymlinksInPath()
      ?? URL(filePath: CommandLine.arguments[0])
    let folder = program.deletingLastPathComponent()
    let places = [".", "../lib", "../mpi", "../../mpi"].map {
      folder.appending(path: $0).appending(path: MPIEngine.libraryName).standardizedFileURL.path
    }
    return places.first(where: FileManager.default.fileExists) ?? places[0]
  }
}
