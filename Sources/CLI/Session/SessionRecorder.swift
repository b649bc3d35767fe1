// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryLearning
import FerryPeers
import FerryStrategies
import Foundation

/// Turns what happens in a session into lines of the event log and into the status board.
final class SessionRecorder {
  /// A step's line in the log at most this often.
  private static let stepLinePause: Duration = .seconds(1)
  /// What the model goes on with at the end, and for how many bytes.
  private static let samplePrompt = "In the beginning "
  private static let sampleBytes = 320

  private let surroundings: RunSession.Surroundings
  private let me: Member
  private let clock = ContinuousClock()
  private let began: ContinuousClock.Instant
  private var setup: RunSetup?
  private var meter: ByteMeter?
  private var links: () -> [LinkReport] = { [] }
  private var speeds: () -> [PeerID: Double] = { [:] }
  private var view: View?
  private var openedAt: ContinuousClock.Instant
  private var stepLineAt: ContinuousClock.Instant?
  private var seekingSince: ContinuousClock.Instant
  /// Of the round under way, in nats: their mean is the round's training loss.
  private var losses: [Double] = []
  private var tokensDone = 0
  private var tokensAtOpening = 0
  private var validation: Double?
  private var lastRound = 0
  private var steps = 0
  private var tokensTotal = 0
  private var digest: [UInt8] = []
  private var referenceBytes = 0
  /// Of the catch-ups before this one.
  private var caughtUpBytes = 0
  private var referencePerStep: [Int: Int] = [:]

  init(_ surroundings: RunSession.Surroundings, me: Member) {
    self.surroundings = surroundings
    self.me = me
    began = clock.now
    openedAt = began
    seekingSince = began
  }

  func attach(
    meter: ByteMeter, links: @escaping () -> [LinkReport],
    speeds: @escaping () -> [PeerID: Double]
  ) {
    self.meter = meter
    self.links = links
    self.speeds = speeds
  }

  /// A sentence for whoever watches; on stderr, as results go to stdout.
  func say(_ text: String) { FileHandle.standardError.write(Foundation.Data("\(text)\n".utf8)) }

  private var stepsPerRound: Int {
    guard let train = setup?.configuration.train else { return 1 }
    return train.strategy == .diloco ? train.innerSteps : 1
  }

  private func seconds(since start: ContinuousClock.Instant) -> Double {
    (clock.now - start) / .seconds(1)
  }

  private var sent: BytesByPurpose {
    guard let counts = meter?.snapshot() else { return BytesByPurpose() }
    return BytesByPurpose(
      handshake: counts[.handshake].wireSent, heartbeat: counts[.heartbeat].wireSent,
      membership: counts[.membership].wireSent, exchange: counts[.exchange].wireSent,
      catchUp: counts[.catchUp].wireSent)
  }

  func began(_ setup: RunSetup) {
    self.setup = setup
    let configuration = setup.configuration
    let settings = Dictionary(
      uniqueKeysWithValues: ConfigurationKey.all.filter { $0.section != "peers" }.map {
        ($0.path, "\(configuration.resolved[$0.path].value)")
      })
    surroundings.events.write(
      .started(
        Event.Started(
          part: surroundings.role.part, run: configuration.run.name, name: surroundings.name,
          pid: getpid(), parameters: setup.replica.layout.count, digest: setup.digest,
          settings: settings)))
    surroundings.events.write(
      .dataset(
        Event.Dataset(
          name: URL(fileURLWithPath: setup.corpus.name).lastPathComponent,
          bytes: setup.corpus.bytes.count,
          unigramBits: setup.corpus.unigramEntropy, bigramBits: setup.corpus.bigramEntropy)))
    let steps = stepsPerRound
    surroundings.board.update {
      $0.rounds = configuration.run.rounds
      $0.steps = steps
      $0.phase = .catchingUp
    }
  }

  func observe(link notice: RunNotice) {
    switch notice {
    case .linked(let member, let address): observe(.linked(member, address))
    case .unlinked(let member, let cause): observe(.unlinked(member, cause))
    case .group: break
    }
  }

  func observe(_ event: RunEvent) {
    switch event {
    case .linked(let member, let address):
      surroundings.events.write(
        .joined(Event.Joined(member: member.id.description, address: address?.description)))
    case .unlinked(let member, let cause):
      surroundings.events.write(
        .left(
          Event.Left(member: member.id.description, reason: "\(member.id.short) \(cause.sentence)"))
      )
    case .view(let view, let reason): changed(view, reason)
    case .opened(let round):
      openedAt = clock.now
      (losses, tokensAtOpening) = ([], tokensDone)
      surroundings.events.write(
        .roundOpened(Event.RoundOpened(round: Int(round), view: Int(view?.number ?? 0))))
      surroundings.board.update {
        $0.phase = .training
        $0.step = 0
      }
    case .progress(let progress): stepped(progress)
    case .landed(let report, let digest): landed(report, digest)
    case .loaded(let round, let stateBytes):
      let receivedTotal = meter?.snapshot()[.catchUp].wireReceived ?? 0
      let received = receivedTotal - caughtUpBytes
      caughtUpBytes = receivedTotal
      surroundings.events.write(
        .catchUp(
          Event.CatchUp(
            bytes: received, stateBytes: stateBytes, seconds: seconds(since: seekingSince),
            fellows: max(0, (view?.members.count ?? 1) - 1))))
      surroundings.board.update {
        $0.phase = .training
        $0.round = Int(round)
      }
    case .evicted(let reason):
      seekingSince = clock.now
      surroundings.events.write(
        .left(Event.Left(member: me.id.description, reason: reason)))
      surroundings.board.update { $0.phase = .catchingUp }
    case .note(let text): say(text)
    case .finished, .stopped: surroundings.board.update { $0.phase = .finished }
    }
  }

  private func changed(_ view: View, _ reason: String) {
    self.view = view
    surroundings.events.write(
      .view(
        Event.View(
          number: Int(view.number), members: view.members.map { $0.id.description },
          coordinator: view.coordinator.id.description, reason: reason)))
    surroundings.board.update {
      $0.view = Int(view.number)
      $0.viewReason = reason
    }
    refreshPeers()
  }

  private func refreshPeers() {
    guard let view else { return }
    let reports = Dictionary(links().map { ($0.member.id, $0) }) { first, _ in first }
    let counts = meter?.snapshot()
    let speeds = speeds()
    let peers = view.members.map { member in
      let report = reports[member.id]
      let bytes = counts?[member.id]
      return RunStatus.Peer(
        id: member.id.description, name: member == me ? surroundings.name : member.id.short,
        address: report?.address?.description ?? "", state: .member, isSelf: member == me,
        isCoordinator: member == view.coordinator,
        roundTripSeconds: report?.roundTrip.map { $0 / .seconds(1) },
        bytesPerSecond: speeds[member.id],
        bytesSent: bytes?.wireSent ?? 0, bytesReceived: bytes?.wireReceived ?? 0)
    }
    surroundings.board.update { $0.peers = peers }
  }

  private func stepped(_ progress: FerryStrategies.Progress) {
    losses.append(progress.loss)
    tokensDone += progress.tokens
    steps = Int(progress.step) + 1
    let elapsed = max(seconds(since: openedAt), 1e-6)
    let speed = Double(tokensDone - tokensAtOpening) / elapsed
    let loss = RunSetup.bits(losses.suffix(20).reduce(0, +) / Double(min(20, losses.count)))
    let members = view?.members.count ?? 1
    let (sent, done, elapsedTotal) = (sent, losses.count, seconds(since: began))
    surroundings.board.update {
      $0.step = done
      $0.loss = loss
      $0.tokensPerSecond = speed * Double(members)
      $0.sent = sent
      $0.elapsedSeconds = elapsedTotal
    }
    // The last step of a round always gets its line: it tells when this peer's work was done.
    let isLast = losses.count == stepsPerRound
    guard isLast || stepLineAt.map({ clock.now - $0 >= Self.stepLinePause }) ?? true else { return }
    stepLineAt = clock.now
    refreshPeers()
    surroundings.events.write(
      .step(Event.Step(step: steps, loss: loss, tokensPerSecond: speed)))
  }

  private func landed(_ report: RoundReport, _ digest: [UInt8]) {
    self.digest = digest
    lastRound = Int(report.round)
    steps = Int(report.step)
    let configuration = setup!.configuration
    tokensTotal = Int(report.samplesTotal) * configuration.model.context
    // Whoever did not work in this round would not have exchanged gradients in it either.
    let workers = report.samples.filter { $0.count > 0 }
    if workers.contains(where: { $0.member == me }) {
      referenceBytes += stepsPerRound * reference(members: workers.count)
    }
    let loss = losses.isEmpty ? nil : RunSetup.bits(losses.reduce(0, +) / Double(losses.count))
    let took = seconds(since: openedAt)
    let sent = sent
    surroundings.events.write(
      .roundCommitted(
        Event.RoundCommitted(
          round: lastRound, seconds: took, loss: loss,
          contributors: report.samples.count { $0.count > 0 }, tokens: tokensTotal, sent: sent,
          dataParallelBytes: referenceBytes, hash: hex(digest))))
    let (round, tokens, bytes) = (lastRound, tokensTotal, referenceBytes)
    let remaining = took * Double(configuration.run.rounds - lastRound)
    surroundings.board.update {
      $0.round = round
      $0.tokens = tokens
      $0.dataParallelBytes = bytes
      $0.remainingSeconds = remaining
      $0.phase = .exchanging
    }
  }

  /// What one data-parallel step costs each of so many members: metered on the production code.
  private func reference(members: Int) -> Int {
    if let known = referencePerStep[members] { return known }
    let bytes = ExchangeProbe.bytesSent(
      elements: setup!.replica.layout.count, members: members, codec: .float32)
    referencePerStep[members] = bytes
    return bytes
  }

  /// Measures the model after a round, on the peer that coordinates: one is enough.
  func examine(_ replica: TextReplica, _ report: RoundReport) throws {
    guard view == nil || view?.coordinator == me else { return }
    surroundings.board.update { $0.phase = .validating }
    let bits = RunSetup.bits(
      try replica.validationLoss(rows: 8, windows: TrainingSession.validationWindows))
    validation = bits
    surroundings.events.write(
      .validation(
        Event.Validation(round: Int(report.round), tokens: tokensTotal, bitsPerByte: bits)))
    surroundings.board.update { $0.validation = bits }
  }

  func save(_ state: TrainerState, _ setup: RunSetup, in store: CheckpointStore) throws {
    let start = clock.now
    let checkpoint = try state.checkpoint(
      layout: setup.replica.layout, run: setup.configuration.run.name,
      seed: Seed(setup.configuration.run.seed), configurationDigest: setup.digest,
      parityHash: hex(digest), textFingerprint: setup.corpus.fingerprint.description)
    let name = try store.save(checkpoint)
    let bytes = 4 * (checkpoint.tensors + checkpoint.local).reduce(0) { $0 + $1.values.count }
    surroundings.events.write(
      .checkpoint(
        Event.CheckpointWritten(
          round: Int(state.shared.round), path: "\(store.folder)/\(name)", bytes: bytes,
          seconds: seconds(since: start))))
  }

  /// The peer's last line. `isComplete`: the last round was reached.
  func finish(_ replica: TextReplica, isComplete: Bool) throws -> Event.Finished {
    if isComplete {
      validation = RunSetup.bits(
        try replica.validationLoss(rows: 8, windows: TrainingSession.validationWindows))
      try writeSample(replica)
    }
    let finished = Event.Finished(
      rounds: lastRound, steps: steps, tokens: tokensTotal, seconds: seconds(since: began),
      bitsPerByte: validation, hash: hex(digest), sent: sent, dataParallelBytes: referenceBytes)
    surroundings.events.write(.finished(finished))
    surroundings.board.update { $0.phase = .finished }
    return finished
  }

  /// Lets the model speak, on the peer that coordinates: all hold the same one.
  private func writeSample(_ replica: TextReplica) throws {
    guard !surroundings.role.isAlone, view == nil || view?.coordinator == me else { return }
    let prompt = Self.samplePrompt
    let tokens = try replica.learner.model.generate(
      after: prompt.utf8.map { Int32($0) }, count: Self.sampleBytes,
      sampling: Sampling(temperature: 0.7, seed: Seed(setup!.configuration.run.seed)))
    surroundings.events.write(
      .sample(
        Event.Sample(
          prompt: prompt, text: String(decoding: tokens.map { UInt8($0) }, as: UTF8.self))))
  }

  private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
