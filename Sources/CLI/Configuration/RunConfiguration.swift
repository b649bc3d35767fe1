// SPDX-License-Identifier: Apache-2.0

package import FerryPeers

/// All that `run.toml`, the environment and flags decide about a run, checked.
package struct RunConfiguration: Equatable, Sendable {
  package struct Run: Equatable, Sendable {
    package let name: String
    package let seed: UInt64
    /// Rounds until the run is finished, at least 1.
    package let rounds: Int
    /// The first round waits for this many.
    package let peersMin: Int
  }

  package struct Model: Equatable, Sendable {
    package enum Kind: String, Sendable { case gpt }
    package enum Vocabulary: String, Sendable { case bytes }

    package let kind: Kind
    package let layers: Int
    /// A multiple of `heads`.
    package let width: Int
    package let heads: Int
    /// Tokens.
    package let context: Int
    package let vocabulary: Vocabulary
  }

  package struct Data: Equatable, Sendable {
    package enum Text: Equatable, Sendable {
      /// The text that `ferry data fetch` brings.
      case kingJames
      /// A file, or a folder of files.
      case path(String)
    }

    package let text: Text
    /// The fraction held back, above 0 and at most 0.5.
    package let validation: Double
  }

  package struct Train: Equatable, Sendable {
    package enum Strategy: String, Sendable {
      case diloco
      case dataParallel = "data-parallel"
    }
    package enum Codec: String, Sendable {
      case int8, int4, bf16, f32
      case int8Stochastic = "int8-stochastic"
      case int4Stochastic = "int4-stochastic"
      case topK = "top-k"
    }

    package let strategy: Strategy
    /// Sequences a step on each peer.
    package let batch: Int
    /// Steps between two meetings (H).
    package let innerSteps: Int
    package let learningRate: Double
    /// Steps.
    package let warmup: Int
    package let weightDecay: Double
    package let outerLearningRate: Double
    package let outerMomentum: Double
    package let codec: Codec
    /// The longest gradient; nil leaves them alone.
    package let clip: Double?
  }

  package struct Peers: Equatable, Sendable {
    package enum Encryption: String, Sendable { case on, off }

    package let listen: HostPort
    package let advertise: HostPort?
    package let secretFile: String?
    /// Peers that may join without the secret.
    package let allow: [PeerID]
    package let encryption: Encryption
  }

  package struct Compute: Equatable, Sendable {
    /// Nil: as many as there are cores.
    package let threads: Int?
  }

  package struct Checkpoint: Equatable, Sendable {
    /// Nil: the run's own folder.
    package let folder: String?
    /// Rounds; nil writes only the last.
    package let every: Int?
    package let keep: Int
  }

  package struct Telemetry: Equatable, Sendable {
    package let metricsPort: UInt16?
    package let logLevel: String
  }

  package let run: Run
  package let model: Model
  package let data: Data
  package let train: Train
  package let peers: Peers
  package let compute: Compute
  package let checkpoint: Checkpoint
  package let telemetry: Telemetry
  /// Every value with its source, as `ferry config show` prints it.
  package let resolved: ResolvedConfiguration
}

/// Where somebody listens.
package struct HostPort: Equatable, Sendable, CustomStringConvertible {
  package let host: String
  package let port: UInt16

  package init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Reads `host:port` or `[v6]:port`; nil for anything else.
  package init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    let isFit =
      !host.isEmpty && host.utf8.count <= Self.hostBytesMax
      && host.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "/") }
    guard isFit else { return nil }
    self.init(host: String(host), port: port)
  }

  /// The longest name DNS has.
  package static let hostBytesMax = 253

  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension RunConfiguration {
  /// Puts checked values in their places, and checks what concerns several of them.
  ///
  /// - Throws: `.configurationConflict`, `.configurationOutOfRange`.
  package init(_ resolved: ResolvedConfiguration) throws(CLIError) {
    self.resolved = resolved
    run = Run(
      name: resolved.text("run.name"), seed: UInt64(resolved.whole("run.seed")),
      rounds: resolved.whole("run.rounds"), peersMin: resolved.whole("run.peers"))
    model = Model(
      kind: Model.Kind(rawValue: resolved.text("model.kind"))!,
      layers: resolved.whole("model.layers"), width: resolved.whole("model.width"),
      heads: resolved.whole("model.heads"), context: resolved.whole("model.context"),
      vocabulary: Model.Vocabulary(rawValue: resolved.text("model.vocabulary"))!)
    let text = resolved.text("data.text")
    data = Data(
      text: text == "kjv" ? .kingJames : .path(text), validation: resolved.real("data.validation"))
    train = Train(
      strategy: Train.Strategy(rawValue: resolved.text("train.strategy"))!,
      batch: resolved.whole("train.batch"), innerSteps: resolved.whole("train.inner_steps"),
      learningRate: resolved.real("train.learning_rate"), warmup: resolved.whole("train.warmup"),
      weightDecay: resolved.real("train.weight_decay"),
      outerLearningRate: resolved.real("train.outer_learning_rate"),
      outerMomentum: resolved.real("train.outer_momentum"),
      codec: Train.Codec(rawValue: resolved.text("train.codec"))!,
      clip: resolved.real("train.clip") == 0 ? nil : resolved.real("train.clip"))
    let advertise = resolved.text("peers.advertise")
    peers = Peers(
      listen: try resolved.hostPort("peers.listen"),
      advertise: advertise.isEmpty ? nil : try resolved.hostPort("peers.advertise"),
      secretFile: resolved.optionalText("peers.secret_file"), allow: try Self.allowed(resolved),
      encryption: Peers.Encryption(rawValue: resolved.text("peers.encryption"))!)
    let threads = resolved.whole("compute.threads")
    compute = Compute(threads: threads == 0 ? nil : threads)
    let every = resolved.whole("checkpoint.every")
    checkpoint = Checkpoint(
      folder: resolved.optionalText("checkpoint.folder"), every: every == 0 ? nil : every,
      keep: resolved.whole("checkpoint.keep"))
    let port = resolved.whole("telemetry.metrics_port")
    telemetry = Telemetry(
      metricsPort: port == 0 ? nil : UInt16(port), logLevel: resolved.text("telemetry.log"))
    try checkTogether()
  }

  private static func allowed(
    _ resolved: ResolvedConfiguration
  ) throws(CLIError) -> [PeerID] {
    var ids: [PeerID] = []
    for text in resolved.list("peers.allow") {
      do throws(PeersError) {
        ids.append(try PeerID.parse(text, place: resolved.place("peers.allow")))
      } catch {
        throw CLIError(
          .configurationWrongType, what: error.what, place: error.place, remedy: error.remedy)
      }
    }
    return ids
  }

  private func checkTogether() throws(CLIError) {
    guard model.width.isMultiple(of: model.heads) else {
      throw CLIError(
        .configurationConflict,
        what: "model.width \(model.width) is not a multiple of model.heads \(model.heads)",
        place: resolved.place("model.width"),
        remedy: "Choose a width that the heads can share equally, such as "
          + "\((model.width / model.heads + 1) * model.heads).")
    }
    let isName =
      !run.name.isEmpty && run.name.utf8.count <= Self.nameBytesMax
      && run.name.utf8.allSatisfy {
        ($0 >= 48 && $0 <= 57) || ($0 >= 65 && $0 <= 90) || ($0 >= 97 && $0 <= 122)
          || $0 == 45 || $0 == 46 || $0 == 95
      } && run.name.first != "."
    guard isName else {
      throw CLIError(
        .configurationOutOfRange,
        what: "run.name must be 1 to \(Self.nameBytesMax) letters, digits, '-', '_' or '.', not "
          + "starting with '.', got \(ConfigurationValue.text(run.name))",
        place: resolved.place("run.name"), remedy: "Choose another name.")
    }
  }

  /// The longest name of a run.
  package static let nameBytesMax = 64
}
