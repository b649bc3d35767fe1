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
  private let clock = ContinuousClock()
  private let began = ContinuousClock.now
  private var crew: DemoCrew
  private var deeds: ArraySlice<DemoPlan.Deed>
  /// All that the peers of the run have written down so far.
  private var events: [Event] = []
  private var pendingFaults: [(t: Int64, fault: Event.Fault)] = []
  private var latestView: Event.View?
  private var round = 0
  private var roundAt = ContinuousClock.now
  private var roundSeconds = 0.0
  private var firstStepAt: ContinuousClock.Instant?
  private var tokens = 0
  /// The last reading of each peer's meter.
  private var sent: [Int: (BytesByPurpose, dataParallel: Int)] = [:]
  private var newcomerIsIn = false

  /// How often logs are read.
  static let pollInterval = Duration.milliseconds(100)
  /// How long the first peer may take to listen.
  static let startSecondsMax = 120.0
  /// How long there may be no progress: neither a step nor a round.
  static let silenceSecondsMax = 180.0
  /// Lines about the peer alone, where there is no display.
  private static let aloneLines = 6

  init(plan: DemoPlan, console: Console) throws {
    self.plan = plan
    self.console = console
    let rounds = plan.configuration.run.rounds
    board = StatusBoard(
      RunStatus(
        run: "demo", folder: plan.folder, pid: getpid(), rounds: rounds,
        steps: plan.configuration.train.innerSteps))
    display = ProgressReporter(console: console, board: board)
    try Self.clear(plan)
    log = try EventLog(path: plan.events, peer: "demo", now: WallClock.milliseconds)
    crew = DemoCrew(plan: plan, stop: stop)
    deeds = plan.deeds[...]
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
    let interrupts = Interrupts(
      console: console, stop: stop, signals: [SIGINT, SIGTERM, SIGHUP],
      note: "Stopping; all peers are ended.")
    defer { interrupts.cancel() }
    let shelf = TextShelf(environment: ProcessInfo.processInfo.environment)
    if plan.configuration.data.text == .kingJames {
      _ = try shelf.fetch("kjv") { console.note($0) }
    }
    console.note(
      "Four peers learn together; one is killed, a new one joins, the coordinator is killed.\n"
        + "Then one peer alone learns from as many tokens. Everything goes to \(plan.folder).")
    do {
      try await display.whileRunning {
        try await self.crossing()
        try await self.trainAlone()
      }
    } catch {
      crew.killAll()
      if stop.isRaised { throw ExitCode(ExitStatus.interrupted.rawValue) }
      throw error
    }
    try conclude()
  }

  // MARK: - The run

  private func crossing() async throws {
    try crew.start(1, plan.first)
    try await waitForJoinLine()
    for peer in 2...DemoPlan.peers { try join(peer) }
    try await follow { event, number in
      learn(event, from: number)
    } meanwhile: {
      try tryDeed()
      measureRecoveries()
    }
    guard deeds.isEmpty else {
      throw CLIError(
        .demoFailed, what: "the run ended before everything was shown",
        place: "round \(round), \(plan.folder)",
        remedy: "Let it last longer, with --set run.rounds=\(2 * plan.configuration.run.rounds).")
    }
  }

  /// Reads logs until no process is left; each wait for progress has its deadline.
  private func follow(
    _ learn: (Event, Int) -> Void, meanwhile: () throws -> Void
  ) async throws {
    var lastProgress = clock.now
    var isOver = false
    while !isOver {
      // Asked before the logs are read, so that the last lines are read too.
      isOver = !crew.isAnyRunning
      if stop.isRaised { throw CancellationError() }
      for (number, event) in crew.news() {
        if event.isProgress { lastProgress = clock.now }
        learn(event, number)
      }
      try await crew.checkEndings()
      try checkProgress(since: lastProgress)
      try meanwhile()
      await updateBoard()
      if !isOver { try await Task.sleep(for: Self.pollInterval) }
    }
  }

  private func waitForJoinLine() async throws {
    let deadline = clock.now + .seconds(Self.startSecondsMax)
    while !FileManager.default.fileExists(atPath: plan.folder(of: 1).joinLine) {
      if stop.isRaised { throw CancellationError() }
      guard crew.isRunning(1) else { throw crew.failed(1, "ended before it listened") }
      guard clock.now < deadline else {
        throw crew.failed(1, "did not listen within \(Quantity.seconds(Self.startSecondsMax))")
      }
      try await Task.sleep(for: Self.pollInterval)
    }
  }

  /// Joins through any peer that lives.
  private func join(_ number: Int) throws {
    let fellow = crew.living.map(plan.folder(of:))
      .first { FileManager.default.fileExists(atPath: $0.joinLine) }
    guard let fellow else { throw crew.failed(number, "found nobody to join through") }
    try crew.start(number, plan.joining(number, through: fellow))
  }

  private func tryDeed() throws {
    guard let deed = deeds.first, round >= deed.afterRound,
      (clock.now - roundAt) / .seconds(1) >= deed.fraction * roundSeconds, try perform(deed)
    else { return }
    deeds.removeFirst()
  }

  /// - Returns: whether it was done; a kill waits for a view that says who coordinates, and the
  ///   coordinator's for the newcomer.
  private func perform(_ deed: DemoPlan.Deed) throws -> Bool {
    switch deed.kind {
    case .addPeer: try join(DemoPlan.peers + 1)
    case .killMember, .killCoordinator:
      let isCoordinator = deed.kind == .killCoordinator
      guard let view = latestView, !isCoordinator || newcomerIsIn else { return false }
      let wanted =
        isCoordinator ? [view.coordinator] : view.members.filter { $0 != view.coordinator }
      let living = wanted.compactMap { id in crew.numbers[id].map { (id: id, number: $0) } }
        .filter { crew.isRunning($0.number) }
      guard let victim = living.max(by: { $0.number < $1.number }) else { return false }
      let fault = Event.Fault(
        what: "SIGKILL", target: victim.id,
        note: isCoordinator ? "kill the coordinator" : "kill a peer")
      pendingFaults.append((WallClock.milliseconds(), fault))
      log.write(.fault(fault))
      crew.kill(victim.number)
      show(Event(t: WallClock.milliseconds(), peer: "demo", .fault(fault)))
    }
    return true
  }

  private func measureRecoveries() {
    let measure = RecoveryMeasure(stepsPerRound: plan.configuration.train.innerSteps)
    pendingFaults.removeAll { t, fault in
      guard let recovery = measure.recovery(from: fault, at: t, in: events) else { return false }
      log.write(.recovery(recovery))
      show(Event(t: WallClock.milliseconds(), peer: "demo", .recovery(recovery)))
      return true
    }
  }

  // MARK: - What is known

  private func learn(_ event: Event, from number: Int) {
    events.append(event)
    switch event.content {
    case .started, .dataset: if number == 1 { show(event) }
    case .view(let view):
      guard view.number > latestView?.number ?? -1 else { return }
      latestView = view
      show(event)
    case .step: if firstStepAt == nil { firstStepAt = clock.now }
    case .roundCommitted(let it):
      sent[number] = (it.sent, it.dataParallelBytes)
      tokens = max(tokens, it.tokens)
      guard it.round > round else { return }
      (round, roundAt, roundSeconds) = (it.round, clock.now, it.seconds)
      if !console.isLive {
        show(
          console.format == .json
            ? event : event.sending(sent.values.reduce(BytesByPurpose()) { $0 + $1.0 }))
      }
    case .finished(let it): sent[number] = (it.sent, it.dataParallelBytes)
    case .catchUp:
      if number > DemoPlan.peers { newcomerIsIn = true }
      show(event)
    case .error: show(event)
    default: break
    }
  }

  /// With names that a person can tell apart; programs get the ids.
  private func show(_ event: Event) {
    guard console.format == .text else { return display.show(event) }
    guard case .catchUp = event.content, let line = ProgressDisplay.line(event) else {
      return display.show(event.named { crew.named($0) })
    }
    display.say("\(crew.named(event.peer)) \(line)")
  }

  private func checkProgress(since last: ContinuousClock.Instant) throws {
    guard clock.now - last > .seconds(Self.silenceSecondsMax) else { return }
    throw CLIError(
      .demoFailed,
      what: "there was no progress for \(Quantity.seconds(Self.silenceSecondsMax))",
      place: "round \(round), \(plan.folder)",
      remedy: "What the peers said is in \(plan.folder)/peer-*/output.txt.")
  }

  /// Shows what a living peer says about the run: the coordinator, if it answers.
  private func updateBoard() async {
    guard console.isLive else { return }
    let coordinator = latestView.flatMap { crew.numbers[$0.coordinator] }
    let number = coordinator.flatMap { crew.isRunning($0) ? $0 : nil } ?? crew.living.first
    guard let number,
      var status = try? await ControlClient(folder: crew.folder(of: number)).status()
    else { return }
    status.elapsedSeconds = (clock.now - began) / .seconds(1)
    if number == DemoCrew.alone {
      status.run = "demo, one peer alone"
    } else {
      status.run = "demo, peers together"
      for index in status.peers.indices {
        status.peers[index].name = crew.name(of: status.peers[index].id) ?? status.peers[index].name
      }
      let meters = sent.values
      status.sent = meters.reduce(BytesByPurpose()) { $0 + $1.0 }
      status.dataParallelBytes = meters.reduce(0) { $0 + $1.dataParallel }
    }
    status.remainingSeconds = remaining(status, isAlone: number == DemoCrew.alone)
    board.update { [status] in $0 = status }
  }

  /// The peers share this machine, so the same work done alone takes about as long once more.
  private func remaining(_ status: RunStatus, isAlone: Bool) -> Double? {
    guard let firstStepAt else { return nil }
    let part = status.steps > 0 ? Double(status.step) / Double(status.steps) : 0
    let done = Double(status.round) + min(1, part)
    guard done > 0.2, status.rounds > 0 else { return nil }
    let whole = (clock.now - firstStepAt) / .seconds(1) / done * Double(status.rounds)
    let left = whole * max(0, 1 - done / Double(status.rounds))
    return isAlone ? left : left + whole
  }

  // MARK: - The end

  /// As many tokens, by one peer, for the line to compare with.
  private func trainAlone() async throws {
    let train = plan.configuration.train
    let tokensPerRound = train.innerSteps * train.batch * plan.configuration.model.context
    let rounds = max(1, (tokens + tokensPerRound / 2) / tokensPerRound)
    display.say("Now one peer alone, on as many tokens: \(rounds) rounds, all cores.")
    (firstStepAt, latestView) = (nil, nil)
    try crew.start(DemoCrew.alone, plan.alone(rounds: rounds))
    let every = max(1, rounds / Self.aloneLines)
    try await follow { event, number in
      guard number == DemoCrew.alone else { return }
      switch event.content {
      case .step: if firstStepAt == nil { firstStepAt = clock.now }
      case .validation(let it):
        if !console.isLive, it.round % every == 0 { display.show(event) }
      case .error: display.show(event)
      default: break
      }
    } meanwhile: {
    }
  }

  private func conclude() throws {
    log.close()
    let record = RunRecord(events: try EventReader.read(folder: plan.folder))
    try BoundedFile.write(ReportPage(record).html, to: plan.report)
    let summary = DemoSummary(record, report: plan.report)
    console.result(summary, text: "\n" + summary.text)
    guard summary.isEqual else {
      throw CLIError(
        .demoFailed, what: "peers ended with \(record.finalHashes.count) different hashes",
        place: plan.folder, remedy: "This must not happen; keep the folder and report it.")
    }
  }
}

extension Event {
  /// Whether the run has come further: what may fail to happen for a while, but not for ever.
  fileprivate var isProgress: Bool {
    switch content {
    case .started, .step, .roundCommitted, .validation, .sample, .finished: true
    default: false
    }
  }

  /// With the bytes of all peers in place of the writer's.
  fileprivate func sending(_ sum: BytesByPurpose) -> Event {
    guard case .roundCommitted(var it) = content else { return self }
    it.sent = sum
    return Event(t: t, peer: peer, .roundCommitted(it))
  }

  /// The event as a person likes to read it.
  fileprivate func named(_ name: (String) -> String) -> Event {
    switch content {
    case .fault(var it):
      it.target = name(it.target)
      return Event(t: t, peer: peer, .fault(it))
    case .recovery(var it):
      it.member = name(it.member)
      return Event(t: t, peer: peer, .recovery(it))
    case .view(var it):
      it.reason = name(it.reason)
      return Event(t: t, peer: peer, .view(it))
    default: return self
    }
  }
}
