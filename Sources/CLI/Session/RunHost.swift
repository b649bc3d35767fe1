// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CoreMetrics
import FerryBasics
import FerryPeers
import Foundation
import Logging

/// Runs a session with everything around it: folder, event log, signals, servers, display.
struct RunHost {
  let configuration: RunConfiguration
  let role: RunSession.Role
  /// For people, in the report; nil takes the machine's.
  let name: String?
  /// Nil makes a new folder.
  let folder: String?
  /// The folder of the identity; nil takes this machine's.
  let identity: String?
  let console: Console
  /// The run's, where all its peers were given one; nil takes the folder's, or makes one.
  var secret: RunSecret?

  func run() async throws {
    let level = Logger.Level(rawValue: configuration.telemetry.logLevel) ?? .notice
    LoggingSystem.bootstrap { label in
      var handler = StreamLogHandler.standardError(label: label)
      handler.logLevel = level
      return handler
    }
    let identity = try IdentityPlace.identity(folder: identity)
    let folder = try prepareFolder()
    if let secret { try folder.writePrivately(secret.text + "\n", to: folder.secret) }
    let board = StatusBoard(
      RunStatus(
        run: configuration.run.name, folder: folder.path, pid: getpid(),
        rounds: configuration.run.rounds, steps: configuration.train.innerSteps))
    let stop = StopSignal()
    let interrupts = Interrupts(console: console, stop: stop)
    defer { interrupts.cancel() }
    let display = ProgressReporter(console: console, board: board)
    let events = try EventLog(
      path: folder.events, peer: identity.id.description, now: WallClock.milliseconds,
      echo: {
        // The program's last line tells it.
        if case .error = $0.content { return }
        display.show($0)
      })
    defer { events.close() }
    console.note("Run \(configuration.run.name) in \(folder.path)")

    let finished: Event.Finished
    do {
      finished = try await withServers(folder: folder, board: board, stop: stop) {
        try await display.whileRunning {
          try await RunSession.run(
            configuration: configuration,
            in: RunSession.Surroundings(
              role: role, name: name ?? ProcessInfo.processInfo.hostName, identity: identity,
              folder: folder, events: events, board: board, stop: stop, console: console))
        }
      }
    } catch let error as any FerryError {
      events.write(
        .error(
          Event.Failure(
            code: error.codeName, what: error.what, place: error.place, remedy: error.remedy)))
      throw error
    } catch is CancellationError where stop.isRaised {
      // Stopped before it was in: there is nothing to sum up.
      throw ExitCode((interrupts.wasInterrupted ? ExitStatus.interrupted : .done).rawValue)
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
    // Known before the run begins: a taken port must not cost a round.
    let metrics = try configuration.telemetry.metricsPort.map { port in
      try MetricsServer.checkFree(port)
      return try MetricsServer(port: port, registry: registry) { board.current.metricsText }
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
