// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CoreMetrics
import FerryBasics
import Foundation

/// Runs a session with everything around it: folder, event log, signals, servers, display.
struct RunHost {
  let configuration: RunConfiguration
  let role: RunSession.Role
  /// For people, in the report; nil takes the machine's.
  let name: String?
  /// Nil makes a new folder.
  let folder: String?
  let console: Console

  func run() async throws {
    let folder = try prepareFolder()
    let board = StatusBoard(
      RunStatus(
        run: configuration.run.name, folder: folder.path, processID: getpid(),
        rounds: configuration.run.rounds, steps: configuration.train.innerSteps))
    let stop = StopSignal()
    let interrupts = Interrupts(console: console, stop: stop)
    defer { interrupts.cancel() }
    let display = ProgressReporter(console: console, board: board)
    let events = try EventLog(
      path: folder.events, peer: name ?? "peer", now: WallClock.milliseconds,
      echo: { display.show($0) })
    defer { events.close() }
    console.note("Run \(configuration.run.name) in \(folder.path)")

    let finished: Event.Finished
    do {
      finished = try await withServers(folder: folder, board: board, stop: stop) {
        try await display.whileRunning {
          try await RunSession.run(
            configuration: configuration,
            in: RunSession.Surroundings(
              role: role, name: name ?? ProcessInfo.processInfo.hostName, folder: folder,
              events: events, board: board, stop: stop))
        }
      }
    } catch let error as any FerryError {
      events.write(
        .error(
          Event.Failure(
            code: error.codeName, what: error.what, place: error.place, remedy: error.remedy)))
      throw error
    }
    console.result(finished, text: RunSummary(finished).text)
    if interrupts.wasInterrupted { throw ExitCode(ExitStatus.interrupted.rawValue) }
  }

  private func prepareFolder() throws(CLIError) -> RunFolder {
    let made: RunFolder
    if let folder {
      made = RunFolder(path: URL(fileURLWithPath: folder).path)
      try made.create()
    } else {
      made = try RunFolder.create(
        run: configuration.run.name,
        in: RunFolder.home(environment: ProcessInfo.processInfo.environment),
        milliseconds: WallClock.milliseconds(), processID: getpid())
    }
    return made
  }

  /// Serves control and metrics while `body` runs, and stops them after it.
  private func withServers(
    folder: RunFolder, board: StatusBoard, stop: StopSignal,
    _ body: @escaping @Sendable () async throws -> Event.Finished
  ) async throws -> Event.Finished {
    let registry = PrometheusRegistry()
    let metrics = try configuration.telemetry.metricsPort.map {
      try MetricsServer(port: $0, registry: registry) { board.current.metricsText }
    }
    if metrics != nil { MetricsSystem.bootstrap(PrometheusFactory(registry: registry)) }
    return try await withThrowingTaskGroup(of: Event.Finished?.self) { group in
      group.addTask {
        try await ControlServer(folder: folder, board: board, stop: stop).run()
        return nil
      }
      if let metrics {
        group.addTask {
          try await metrics.run()
          return nil
        }
      }
      group.addTask { try await body() }
      defer { group.cancelAll() }
      while let result = try await group.next() {
        if let finished = result { return finished }
      }
      throw CancellationError()
    }
  }
}

/// The wall clock, read in the command line only.
enum WallClock {
  /// Milliseconds since 1970.
  @Sendable static func milliseconds() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }
}
