// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryLearning
import FerryPeers
import FerryStrategies
import Foundation
import Logging

/// One peer's part in one run: builds the model, opens the links, and trains to the last round.
///
/// Blocks the thread that calls `run`; the links have a thread of their own.
final class TrainingSession {
  /// How long a newcomer tries to reach the peer of its join line.
  static let joinMax: Duration = .seconds(60)
  /// How long a peer that has finished stays, so that the others hear that it holds the last round.
  static let lingerMax: Duration = .milliseconds(600)
  /// Windows of the validation part that are read after each round and at the end: the same ones,
  /// so that the figures lie on one curve.
  static let validationWindows = 64

  private let surroundings: RunSession.Surroundings
  private var configuration: RunConfiguration
  private let inbox = Inbox<RunNotice>()
  private let refusals = Inbox<PeersError>()
  private let me: Member
  private let recorder: SessionRecorder

  init(_ configuration: RunConfiguration, in surroundings: RunSession.Surroundings) {
    self.configuration = configuration
    self.surroundings = surroundings
    var generator = SystemRandomNumberGenerator()
    // The one number that must differ from life to life, so it comes from the system.
    me = Member(id: surroundings.identity.id, incarnation: generator.next())
    recorder = SessionRecorder(surroundings, me: me)
  }

  func run() throws -> Event.Finished {
    let secret = try runSecret()
    let loop = try openLinks(secret)
    let linkThread = Thread { loop.run() }
    linkThread.name = "ferry-links"
    linkThread.start()
    defer { loop.stop() }
    let speeds = MeasuredSpeeds()
    recorder.attach(
      meter: loop.meter, links: { loop.links }, speeds: { speeds.look(through: loop) })
    var charter: RunCharter?
    if case .joiner(let line) = surroundings.role {
      let given = try RunCharter(askCharter(at: line, loop), of: line)
      configuration = try given.configuration(from: configuration)
      charter = given
    }
    // Whoever was refused has nothing to invite others to.
    try announce(loop, secret)
    return try train(over: loop, charter)
  }

  // MARK: Links

  private func runSecret() throws -> RunSecret {
    if case .joiner(let line) = surroundings.role, let secret = line.secret { return secret }
    let path = configuration.peers.secretFile ?? surroundings.folder.secret
    if FileManager.default.fileExists(atPath: path) {
      let bytes = try BoundedFile.read(path, bytesMax: 256, remedy: "Put the run's secret into it.")
      let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(
        in: .whitespacesAndNewlines)
      guard let secret = RunSecret(text) else {
        throw CLIError(
          .configurationWrongType, what: "the file does not hold a run's secret", place: path,
          remedy: "Remove it to have a new one made, or copy the secret from the join line.")
      }
      return secret
    }
    var generator = SystemRandomNumberGenerator()
    let secret = RunSecret.generated(using: &generator)
    try surroundings.folder.writePrivately(secret.text + "\n", to: path)
    return secret
  }

  private func openLinks(_ secret: RunSecret) throws -> LinkLoop<RunLogic> {
    let isAlone = surroundings.role.isAlone
    let name: String
    if case .joiner(let line) = surroundings.role {
      name = line.run
    } else {
      name = configuration.run.name
    }
    let listen =
      isAlone
      ? PeerAddress(host: "127.0.0.1", port: 0)
      : PeerAddress(host: configuration.peers.listen.host, port: configuration.peers.listen.port)
    var settings = LinkSettings(
      run: name,
      admission: configuration.peers.allow.isEmpty
        ? .secret(secret) : .allowList(Set(configuration.peers.allow)),
      incarnation: me.incarnation, listen: listen)
    if let advertise = configuration.peers.advertise {
      settings.advertised = PeerAddress(host: advertise.host, port: advertise.port)
    }
    settings.sealing = configuration.peers.encryption == .on ? .encrypted : .clear
    if case .joiner(let line) = surroundings.role {
      if let peer = line.peer { settings.expected[line.address] = peer }
      let refusals = refusals
      settings.greetingFailed = { address, error in
        if address == line.address { refusals.put(error) }
      }
    }
    let inbox = inbox
    let group = GroupLogic(me: me, settings: GroupLogic.Settings(seed: Seed(0)))
    return try LinkLoop(
      logic: RunLogic(group: group) { inbox.put($0) }, identity: surroundings.identity,
      settings: settings)
  }

  /// Puts the join line where people and programs find it.
  private func announce(_ loop: LinkLoop<RunLogic>, _ secret: RunSecret) throws {
    guard !surroundings.role.isAlone else { return }
    let name: String
    if case .joiner(let line) = surroundings.role {
      name = line.run
    } else {
      name = configuration.run.name
    }
    let advertised = configuration.peers.advertise
    let host = advertised?.host ?? MachineAddress.reachable(from: loop.address.host)
    let line = JoinLine(
      address: PeerAddress(host: host, port: advertised?.port ?? loop.address.port), run: name,
      secret: secret, peer: loop.id)
    try surroundings.folder.writePrivately(line.text + "\n", to: surroundings.folder.joinLine)
    surroundings.board.update { $0.joinLine = line.text }
    recorder.say("Others join with:\n  ferry join '\(line.text)'")
  }

  /// Asks the peer of the join line what the run is.
  private func askCharter(at line: JoinLine, _ loop: LinkLoop<RunLogic>) throws -> [UInt8] {
    let clock = ContinuousClock()
    let deadline = clock.now + Self.joinMax
    while clock.now < deadline {
      if surroundings.stop.isRaised { throw CancellationError() }
      loop.post { logic, now in logic.perform { $0.askCharter(at: line.address, at: now) } }
      for notice in inbox.take(waiting: .milliseconds(500)) {
        recorder.observe(link: notice)
        if case .group(.charter(let bytes)) = notice { return bytes }
      }
      if let refusal = refusals.take(waiting: .zero).first(where: { $0.isFinal }) { throw refusal }
    }
    throw CLIError(
      .peerUnreachable,
      what: "no peer of run \(line.run) answered for \(Self.joinMax.components.seconds) s",
      place: "\(line.address)",
      remedy: "Check that a peer runs there (ferry status) and that its port can be reached "
        + "(ferry doctor --reach \(line.address)).")
  }

  // MARK: Training

  private func train(
    over loop: LinkLoop<RunLogic>, _ charter: RunCharter?
  ) throws -> Event.Finished {
    let setup = try RunSetup(configuration)
    try charter?.requireSameText(as: setup)
    recorder.began(setup)
    let settings = setup.groupSettings(alone: surroundings.role.isAlone)
    loop.post { logic, now in
      logic.perform {
        $0.adopt(settings)
        return []
      }
    }
    switch configuration.train.strategy {
    case .diloco:
      let outer = OuterStep(
        learningRate: Float(configuration.train.outerLearningRate),
        momentum: Float(configuration.train.outerMomentum))
      return try train(
        DiLoCo(localSteps: configuration.train.innerSteps, outer: outer), setup, loop)
    case .dataParallel: return try train(DataParallel(), setup, loop)
    }
  }

  private func train<S: Strategy>(
    _ strategy: S, _ setup: RunSetup, _ loop: LinkLoop<RunLogic>
  ) throws -> Event.Finished {
    let store = try CheckpointStore(
      folder: configuration.checkpoint.folder ?? surroundings.folder.checkpoints,
      keep: configuration.checkpoint.keep)
    let trainer = Trainer(
      me: me, replica: setup.replica, strategy: strategy, options: setup.trainerOptions())
    let recorder = recorder
    let worker = Worker(
      trainer: trainer, inbox: inbox,
      post: { work in loop.post { logic, now in logic.perform { work(&$0, now) } } },
      observe: { recorder.observe($0) },
      save: { state, _ in try recorder.save(state, setup, in: store) },
      examine: { replica, report in try recorder.examine(replica, report) })
    switch surroundings.role {
    case .first(let resume), .alone(let resume):
      try worker.found(resuming: resume ? newest(in: store, setup) : nil)
    case .joiner(let line):
      loop.post { logic, now in logic.perform { $0.seek(line.address, at: now) } }
    }
    // Not before a checkpoint to go on from was read: a model that does not fit changes nothing.
    try CheckpointShelf.keep(configuration, in: surroundings.folder)
    let stop = surroundings.stop
    let isComplete = try worker.run { stop.isRaised }
    if !isComplete, worker.trainer.round > 0 {
      // What was begun after the last round is given up; the state after it is kept.
      try recorder.save(try worker.trainer.state(), setup, in: store)
    }
    let finished = try recorder.finish(worker.trainer.replica, isComplete: isComplete)
    // The others may still wait to hear that this peer holds the last round.
    _ = inbox.take(waiting: .zero)
    let clock = ContinuousClock()
    let end = clock.now + Self.lingerMax
    while clock.now < end { _ = inbox.take(waiting: .milliseconds(100)) }
    return finished
  }

  private func newest(in store: CheckpointStore, _ setup: RunSetup) throws -> TrainerState {
    guard let loaded = try store.loadNewest() else {
      throw CLIError(
        .runNotFound, what: "there is no checkpoint to go on from", place: store.folder,
        remedy: "Leave out --resume to begin anew, or name the folder of the run.")
    }
    for (name, reason) in loaded.skipped { recorder.say("passed over \(name): \(reason)") }
    recorder.say("Going on from \(loaded.name), round \(loaded.checkpoint.metadata.round)")
    return try TrainerState(
      loaded.checkpoint, layout: setup.replica.layout, place: "\(store.folder)/\(loaded.name)")
  }
}

extension PeersError {
  /// Trying again would end the same way.
  fileprivate var isFinal: Bool {
    [
      .wrongSecret, .otherVersion, .otherRun, .notAllowed, .otherPeer, .sealingDiffers, .notFerry,
      .unknownHost,
    ].contains(code)
  }
}
