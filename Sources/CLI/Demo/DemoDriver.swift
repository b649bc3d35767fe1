// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// Carries a `DemoPlan` out with real processes, real links and real signals.
actor DemoDriver {
  private let plan: DemoPlan
  private let console: Console
  private let board: StatusBoard
  private let display: ProgressReporter
  private let stop = StopSignal()
  private let log: EventLog
  /// By number, from 1.
  private var children: [Int: ChildProcess] = [:]
  private var tails: [Int: LogTail] = [:]
  /// Which number has which id.
  private var numbers: [String: Int] = [:]
  private var latestView: Event.View?
  private var round = 0
  private var contributions: [Int: Int] = [:]

  /// How often logs are read.
  static let pollInterval = Duration.milliseconds(100)
  /// How long the first peer may take to listen.
  static let startSecondsMax = 120.0
  /// How long nothing may happen.
  static let silenceSecondsMax = 180.0

  init(plan: DemoPlan, console: Console) throws {
    self.plan = plan
    self.console = console
    let rounds = plan.configuration.run.rounds
    board = StatusBoard(
      RunStatus(
        run: plan.configuration.run.name, folder: plan.folder, pid: getpid(),
        rounds: rounds, steps: plan.configuration.train.innerSteps))
    let display = ProgressReporter(console: console, board: board)
    self.display = display
    try Self.clear(plan)
    log = try EventLog(
      path: plan.events, peer: "demo", now: WallClock.milliseconds, echo: { display.show($0) })
  }

  /// An earlier demo's logs would be drawn into this one's report.
  private static func clear(_ plan: DemoPlan) throws(CLIError) {
    try RunFolder(path: plan.folder).create()
    let own = (1...DemoPlan.peers + 1).map { plan.folder(of: $0).path }
    for path in own + [plan.aloneFolder.path, plan.events] {
      try? FileManager.default.removeItem(atPath: path)
    }
  }

  func run() async throws {
    let interrupts = Interrupts(console: console, stop: stop)
    defer { interrupts.cancel() }
    let shelf = TextShelf(environment: ProcessInfo.processInfo.environment)
    if plan.configuration.data.text == .kingJames {
      _ = try shelf.fetch("kjv") { console.note($0) }
    }
    do {
      try await display.whileRunning { try await self.crossing() }
      try await trainAlone()
    } catch {
      for child in children.values { child.send(SIGKILL) }
      if stop.isRaised { throw ExitCode(ExitStatus.interrupted.rawValue) }
      throw error
    }
    try conclude()
  }

  // MARK: - The run

  private func crossing() async throws {
    try start(1, plan.first)
    try await waitForJoinLine()
    for peer in 2...DemoPlan.peers { try join(peer) }
    var deeds = plan.deeds[...]
    var lastNews = ContinuousClock.now
    while children.values.contains(where: \.isRunning) {
      try await Task.sleep(for: Self.pollInterval)
      if stop.isRaised { throw CancellationError() }
      if readLogs() { lastNews = .now }
      try checkProgress(since: lastNews)
      if let deed = deeds.first, round >= deed.afterRound, try perform(deed) {
        deeds.removeFirst()
      }
      await updateBoard()
    }
    readLogs()
    try await checkEndings()
  }

  private func start(_ number: Int, _ arguments: [String]) throws {
    let folder = plan.folder(of: number)
    try folder.create()
    let child = ChildProcess(
      program: Self.program, arguments: arguments, output: "\(folder.path)/output.txt")
    try child.start()
    children[number] = child
    tails[number] = LogTail(path: folder.events)
  }

  /// This program itself.
  private static var program: String {
    let own = "/proc/self/exe"
    if let path = try? FileManager.default.destinationOfSymbolicLink(atPath: own) { return path }
    return Bundle.main.executablePath ?? CommandLine.arguments[0]
  }

  private func waitForJoinLine() async throws {
    let deadline = ContinuousClock.now + .seconds(Self.startSecondsMax)
    while !FileManager.default.fileExists(atPath: plan.folder(of: 1).joinLine) {
      guard children[1]?.isRunning == true else { throw failed(1, "ended before it listened") }
      guard ContinuousClock.now < deadline else {
        throw failed(1, "did not listen within \(Quantity.seconds(Self.startSecondsMax))")
      }
      if stop.isRaised { throw CancellationError() }
      try await Task.sleep(for: Self.pollInterval)
    }
  }

  /// Joins through any peer that lives.
  private func join(_ number: Int) throws {
    let fellow = children.filter(\.value.isRunning).keys.sorted().map(plan.folder(of:))
      .first { FileManager.default.fileExists(atPath: $0.joinLine) }
    guard let fellow else { throw failed(number, "found nobody to join through") }
    try start(number, plan.joining(number, through: fellow))
  }

  /// - Returns: whether it was done; a kill waits for a view that says who coordinates.
  private func perform(_ deed: DemoPlan.Deed) throws -> Bool {
    switch deed.kind {
    case .addPeer: try join(DemoPlan.peers + 1)
    case .killMember, .killCoordinator:
      guard let view = latestView else { return false }
      let wanted =
        deed.kind == .killCoordinator
        ? [view.coordinator] : view.members.filter { $0 != view.coordinator }
      let living = wanted.compactMap { id in numbers[id].map { (id, $0) } }
        .filter { children[$0.1]?.isRunning == true }
      guard let (id, number) = living.max(by: { $0.1 < $1.1 }) else { return false }
      log.write(
        .fault(
          Event.Fault(
            what: "SIGKILL", target: id,
            note: deed.kind == .killCoordinator ? "kill the coordinator" : "kill a peer")))
      children[number]?.send(SIGKILL)
    }
    return true
  }

  // MARK: - What is known

  /// - Returns: whether anything happened.
  @discardableResult
  private func readLogs() -> Bool {
    var isNews = false
    for number in tails.keys.sorted() {
      for event in tails[number]?.read() ?? [] {
        isNews = true
        learn(event, from: number)
      }
    }
    return isNews
  }

  private func learn(_ event: Event, from number: Int) {
    switch event.content {
    case .started: numbers[event.peer] = number
    case .view(let view):
      guard view.number > latestView?.number ?? -1 else { return }
      latestView = view
      display.show(event)
    case .roundCommitted(let it):
      contributions[it.round] = it.contributors
      guard it.round > round else { return }
      round = it.round
      if !console.isLive { display.show(event) }
    case .catchUp, .error: display.show(event)
    default: break
    }
  }

  private func checkProgress(since lastNews: ContinuousClock.Instant) throws {
    guard ContinuousClock.now - lastNews > .seconds(Self.silenceSecondsMax) else { return }
    throw CLIError(
      .demoFailed, what: "nothing happened for \(Quantity.seconds(Self.silenceSecondsMax))",
      place: "round \(round), \(plan.folder)", remedy: "The peers' output is in peer-*/output.txt.")
  }

  /// Shows what a living peer says about the run.
  private func updateBoard() async {
    guard console.isLive,
      let number = children.filter(\.value.isRunning).keys.min(),
      let status = try? await ControlClient(folder: plan.folder(of: number)).status()
    else { return }
    board.update { $0 = status }
  }

  private func checkEndings() async throws {
    let killed = Set(plan.deeds.isEmpty ? [] : EndedByDemo.targets(in: plan.events))
    for (number, child) in children.sorted(by: { $0.key < $1.key }) {
      let status = await child.wait()
      let isVictim = numbers.contains { $0.value == number && killed.contains($0.key) }
      guard status == 0 || isVictim else { throw failed(number, "ended with status \(status)") }
    }
  }

  private func failed(_ number: Int, _ what: String) -> CLIError {
    let output = "\(plan.folder(of: number).path)/output.txt"
    let said = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
    let last = said.split(separator: "\n").last.map { ": \($0.prefix(300))" } ?? ""
    return CLIError(
      .demoFailed, what: "peer \(number) \(what)\(last)", place: output,
      remedy: "Read the whole output there; `ferry doctor` may know more.")
  }

  // MARK: - The end

  /// The same number of steps, by one peer, for the line to compare with.
  private func trainAlone() async throws {
    let rounds = contributions.values.reduce(0, +)
    console.note(
      "One peer alone, as many steps as all together (\(rounds) rounds), to compare with.")
    try plan.aloneFolder.create()
    let child = ChildProcess(
      program: Self.program, arguments: plan.alone(rounds: rounds),
      output: "\(plan.aloneFolder.path)/output.txt")
    try child.start()
    stop.whenRaised { child.send(SIGKILL) }
    let status = await child.wait()
    guard status == 0 else {
      throw CLIError(
        .demoFailed, what: "the peer alone ended with status \(status)",
        place: "\(plan.aloneFolder.path)/output.txt", remedy: "Read its output there.")
    }
  }

  private func conclude() throws {
    log.close()
    let record = RunRecord(events: try EventReader.read(folder: plan.folder))
    try BoundedFile.write(ReportPage(record).html, to: plan.report)
    let summary = DemoSummary(record, report: plan.report)
    console.result(summary, text: summary.text)
    guard summary.isEqual else {
      throw CLIError(
        .demoFailed, what: "peers ended with \(record.finalHashes.count) different hashes",
        place: plan.folder, remedy: "This must not happen; keep the folder and report it.")
    }
  }
}

/// Whom the demo ended on purpose, read back from its own log.
private enum EndedByDemo {
  static func targets(in path: String) -> [String] {
    guard
      let bytes = try? BoundedFile.read(path, bytesMax: EventReader.fileBytesMax, remedy: "")
    else { return [] }
    return EventReader.read(bytes).events.compactMap { event in
      if case .fault(let fault) = event.content { return fault.target }
      return nil
    }
  }
}
