// SPDX-License-Identifier: Apache-2.0

/// One line of a peer's event log.
///
/// In JSON one flat object: `{"t":…,"peer":"…","kind":"round-committed","round":3,…}`. `t` is
/// wall-clock milliseconds since 1970, so that logs of several peers lie on one time line; the
/// report measures seconds from the earliest line.
package struct Event: Equatable, Sendable {
  /// Milliseconds since 1970 by the wall clock.
  package let t: Int64
  /// Who wrote it: a peer's id, or `demo` for the process that causes faults.
  package let peer: String
  package let content: Content

  package init(t: Int64, peer: String, _ content: Content) {
    self.t = t
    self.peer = peer
    self.content = content
  }

  /// What happened. The raw kinds are stable; scripts match on them.
  package enum Content: Equatable, Sendable {
    case started(Started)
    case dataset(Dataset)
    case joined(Joined)
    case left(Left)
    case view(View)
    case roundOpened(RoundOpened)
    case roundCommitted(RoundCommitted)
    case step(Step)
    case validation(Validation)
    case fault(Fault)
    case recovery(Recovery)
    case checkpoint(CheckpointWritten)
    case catchUp(CatchUp)
    case sample(Sample)
    case finished(Finished)
    case error(Failure)
  }
}

extension Event {
  /// The writer's process began to take part.
  package struct Started: Codable, Equatable, Sendable {
    /// Which line of the report this log belongs to.
    package enum Part: String, Codable, Sendable {
      /// A peer of the run.
      case run
      /// One peer alone with the same compute, for comparison.
      case onePeer = "one-peer"
      /// The same peers exchanging gradients every step, for comparison.
      case dataParallel = "data-parallel"
    }

    package var part: Part
    /// The run's name.
    package var run: String
    /// A short name for people, such as `peer 3`; the report uses it in place of the id.
    package var name: String
    package var pid: Int32
    /// Parameters of the model.
    package var parameters: Int
    /// The digest of the configuration.
    package var digest: String
    /// `section.key` to value as TOML, for the report.
    package var settings: [String: String]

    package init(
      part: Part, run: String, name: String, pid: Int32, parameters: Int, digest: String,
      settings: [String: String]
    ) {
      self.part = part
      self.run = run
      self.name = name
      self.pid = pid
      self.parameters = parameters
      self.digest = digest
      self.settings = settings
    }
  }

  /// The text, and what can be said about it without learning.
  package struct Dataset: Codable, Equatable, Sendable {
    package var name: String
    package var bytes: Int
    /// Entropy of single bytes, in bits per byte, of the validation part.
    package var unigramBits: Double
    /// Entropy of a byte given the one before, in bits per byte.
    package var bigramBits: Double

    package init(name: String, bytes: Int, unigramBits: Double, bigramBits: Double) {
      self.name = name
      self.bytes = bytes
      self.unigramBits = unigramBits
      self.bigramBits = bigramBits
    }
  }

  /// The writer saw a peer come in.
  package struct Joined: Codable, Equatable, Sendable {
    package var member: String
    package var address: String?

    package init(member: String, address: String?) {
      self.member = member
      self.address = address
    }
  }

  /// The writer saw a peer go.
  package struct Left: Codable, Equatable, Sendable {
    package var member: String
    /// The sentence of the membership rule.
    package var reason: String

    package init(member: String, reason: String) {
      self.member = member
      self.reason = reason
    }
  }

  /// The group agreed on who takes part.
  package struct View: Codable, Equatable, Sendable {
    package var number: Int
    package var members: [String]
    package var coordinator: String
    /// The sentence of the membership rule.
    package var reason: String

    package init(number: Int, members: [String], coordinator: String, reason: String) {
      self.number = number
      self.members = members
      self.coordinator = coordinator
      self.reason = reason
    }
  }

  package struct RoundOpened: Codable, Equatable, Sendable {
    package var round: Int
    package var view: Int

    package init(round: Int, view: Int) {
      self.round = round
      self.view = view
    }
  }

  /// A round's result became state.
  package struct RoundCommitted: Codable, Equatable, Sendable {
    package var round: Int
    /// From the round's opening to its commit.
    package var seconds: Double
    /// The mean training loss of the writer's inner steps, in bits per byte; nil when it did none.
    package var loss: Double?
    /// How many members' work is in the result.
    package var contributors: Int
    /// Tokens learnt from so far, by all peers together.
    package var tokens: Int
    /// What the writer has sent since it started, by purpose, metered where it left.
    package var sent: BytesByPurpose
    /// What data-parallel training with f32 gradients would have sent from this peer for the same
    /// steps, by the same metering of one all-reduce.
    package var dataParallelBytes: Int
    /// SHA-256 of the shared state, in hex.
    package var hash: String

    package init(
      round: Int, seconds: Double, loss: Double?, contributors: Int, tokens: Int,
      sent: BytesByPurpose, dataParallelBytes: Int, hash: String
    ) {
      self.round = round
      self.seconds = seconds
      self.loss = loss
      self.contributors = contributors
      self.tokens = tokens
      self.sent = sent
      self.dataParallelBytes = dataParallelBytes
      self.hash = hash
    }
  }

  /// One inner step; only some are written.
  package struct Step: Codable, Equatable, Sendable {
    package var step: Int
    /// Bits per byte, on the training text.
    package var loss: Double
    package var tokensPerSecond: Double

    package init(step: Int, loss: Double, tokensPerSecond: Double) {
      self.step = step
      self.loss = loss
      self.tokensPerSecond = tokensPerSecond
    }
  }

  /// A measurement on the part of the text that was held back.
  package struct Validation: Codable, Equatable, Sendable {
    package var round: Int
    /// Tokens learnt from so far, by all peers together.
    package var tokens: Int
    package var bitsPerByte: Double

    package init(round: Int, tokens: Int, bitsPerByte: Double) {
      self.round = round
      self.tokens = tokens
      self.bitsPerByte = bitsPerByte
    }
  }

  /// Somebody did something to a peer on purpose; written by the one who did it.
  package struct Fault: Codable, Equatable, Sendable {
    /// `SIGKILL`, `SIGSTOP`, `SIGCONT`, …
    package var what: String
    package var target: String
    /// For people: `kill the coordinator`.
    package var note: String

    package init(what: String, target: String, note: String) {
      self.what = what
      self.target = target
      self.note = note
    }
  }

  /// A survivor finished the first round after a loss; the three parts add up to the time lost.
  package struct Recovery: Codable, Equatable, Sendable {
    /// Who was lost.
    package var member: String
    /// From the last sign of life to the loss being noticed.
    package var detectionSeconds: Double
    /// From there to the new view.
    package var agreementSeconds: Double
    /// Work of the round that had to be done again.
    package var repetitionSeconds: Double

    package init(
      member: String, detectionSeconds: Double, agreementSeconds: Double, repetitionSeconds: Double
    ) {
      self.member = member
      self.detectionSeconds = detectionSeconds
      self.agreementSeconds = agreementSeconds
      self.repetitionSeconds = repetitionSeconds
    }
  }

  package struct CheckpointWritten: Codable, Equatable, Sendable {
    package var round: Int
    package var path: String
    package var bytes: Int
    package var seconds: Double

    package init(round: Int, path: String, bytes: Int, seconds: Double) {
      self.round = round
      self.path = path
      self.bytes = bytes
      self.seconds = seconds
    }
  }

  /// The writer fetched the shared state from its fellows.
  package struct CatchUp: Codable, Equatable, Sendable {
    package var bytes: Int
    /// The size of the state itself, for the ratio.
    package var stateBytes: Int
    package var seconds: Double
    package var fellows: Int

    package init(bytes: Int, stateBytes: Int, seconds: Double, fellows: Int) {
      self.bytes = bytes
      self.stateBytes = stateBytes
      self.seconds = seconds
      self.fellows = fellows
    }
  }

  /// Text that the model wrote.
  package struct Sample: Codable, Equatable, Sendable {
    package var prompt: String
    package var text: String

    package init(prompt: String, text: String) {
      self.prompt = prompt
      self.text = text
    }
  }

  /// The writer's last line.
  package struct Finished: Codable, Equatable, Sendable {
    package var rounds: Int
    package var steps: Int
    package var tokens: Int
    package var seconds: Double
    /// Validation, when it was measured at the end.
    package var bitsPerByte: Double?
    /// SHA-256 of the parameters, in hex.
    package var hash: String
    package var sent: BytesByPurpose
    package var dataParallelBytes: Int

    package init(
      rounds: Int, steps: Int, tokens: Int, seconds: Double, bitsPerByte: Double?, hash: String,
      sent: BytesByPurpose, dataParallelBytes: Int
    ) {
      self.rounds = rounds
      self.steps = steps
      self.tokens = tokens
      self.seconds = seconds
      self.bitsPerByte = bitsPerByte
      self.hash = hash
      self.sent = sent
      self.dataParallelBytes = dataParallelBytes
    }
  }

  /// What stopped the writer.
  package struct Failure: Codable, Equatable, Sendable {
    package var code: String
    package var what: String
    package var place: String
    package var remedy: String

    package init(code: String, what: String, place: String, remedy: String) {
      self.code = code
      self.what = what
      self.place = place
      self.remedy = remedy
    }
  }
}

/// Bytes that left a peer, by purpose, as the links counted them.
package struct BytesByPurpose: Codable, Equatable, Sendable {
  package var handshake: Int
  package var heartbeat: Int
  package var membership: Int
  package var exchange: Int
  package var catchUp: Int

  package init(
    handshake: Int = 0, heartbeat: Int = 0, membership: Int = 0, exchange: Int = 0, catchUp: Int = 0
  ) {
    self.handshake = handshake
    self.heartbeat = heartbeat
    self.membership = membership
    self.exchange = exchange
    self.catchUp = catchUp
  }

  package var total: Int { handshake + heartbeat + membership + exchange + catchUp }

  /// Element by element; what was sent between two readings of the meter.
  package static func - (left: BytesByPurpose, right: BytesByPurpose) -> BytesByPurpose {
    BytesByPurpose(
      handshake: left.handshake - right.handshake, heartbeat: left.heartbeat - right.heartbeat,
      membership: left.membership - right.membership, exchange: left.exchange - right.exchange,
      catchUp: left.catchUp - right.catchUp)
  }

  package static func + (left: BytesByPurpose, right: BytesByPurpose) -> BytesByPurpose {
    BytesByPurpose(
      handshake: left.handshake + right.handshake, heartbeat: left.heartbeat + right.heartbeat,
      membership: left.membership + right.membership, exchange: left.exchange + right.exchange,
      catchUp: left.catchUp + right.catchUp)
  }
}
