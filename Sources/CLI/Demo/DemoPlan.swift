// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What the demo will do, decided before anything is started.
package struct DemoPlan: Equatable, Sendable {
  /// Something done to the group once a round is committed.
  package struct Deed: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
      /// SIGKILL to a member that does not coordinate.
      case killMember
      /// SIGKILL to the member that does.
      case killCoordinator
      /// One more process joins.
      case addPeer
    }

    package var afterRound: Int
    package var kind: Kind
    /// How far into the next round, from 0 to 1 of the time the last one took.
    package var fraction = 0.0
  }

  /// Everything the demo writes, absolute.
  package let folder: String
  package let report: String
  /// `section.key=value` for every process, the user's own last.
  package let settings: [String]
  package let deeds: [Deed]
  package let configuration: RunConfiguration

  /// Peers at the start.
  package static let peers = 4
  /// Fewer rounds leave no room for what is to be shown.
  package static let roundsMin = 6

  /// - Parameter quick: a smaller model, for a minute.
  /// - Parameter report: the page to write; nil puts it into the folder.
  /// - Throws: every `.configuration…` code, and `.configurationConflict` for too few rounds.
  package init(
    quick: Bool, folder: String, report: String? = nil, settings: [String]
  ) throws(CLIError) {
    let own =
      quick
      ? [
        "run.name=demo", "run.rounds=24", "model.layers=2", "model.width=64", "model.context=64",
        "train.batch=4", "train.inner_steps=60", "train.warmup=50", "train.learning_rate=0.003",
        "checkpoint.every=12",
      ]
      : [
        "run.name=demo", "run.rounds=12", "model.layers=4", "model.width=128", "model.context=128",
        "train.batch=8", "train.inner_steps=100", "train.warmup=50", "train.learning_rate=0.003",
        "checkpoint.every=6",
      ]
    // Peers share this machine's cores, so each computes with one thread of its own.
    let all =
      own + Self.shortRun + [
        "run.peers=\(Self.peers)", "peers.listen=127.0.0.1:0", "compute.threads=1",
      ] + settings
    let configuration = try ConfigurationLoader(settings: all).load()
    let rounds = configuration.run.rounds
    guard rounds >= Self.roundsMin else {
      throw CLIError(
        .configurationConflict,
        what: "the demo needs \(Self.roundsMin) rounds at least, got \(rounds)",
        place: configuration.resolved.place("run.rounds"), remedy: "Leave run.rounds alone.")
    }
    self.folder = URL(fileURLWithPath: folder).path
    self.report = URL(fileURLWithPath: report ?? "\(folder)/report.html").path
    self.settings = all
    self.configuration = configuration
    deeds = [
      Deed(afterRound: rounds / 3, kind: .killMember, fraction: 0.5),
      Deed(afterRound: rounds / 3 + 1, kind: .addPeer),
      Deed(afterRound: rounds * 2 / 3, kind: .killCoordinator, fraction: 0.5),
    ]
  }

  /// The folder of a peer, counted from 1.
  package func folder(of peer: Int) -> RunFolder { RunFolder(path: "\(folder)/peer-\(peer)") }
  /// The folder of the peer that trains alone, for comparison.
  package var aloneFolder: RunFolder { RunFolder(path: "\(folder)/alone") }
  /// What the demo itself did.
  package var events: String { "\(folder)/demo.jsonl" }

  /// The arguments of the first peer.
  package var first: [String] {
    ["train", "--run", folder(of: 1).path] + common(peer: 1)
  }

  /// The arguments of a peer that joins through a fellow's join file.
  package func joining(_ peer: Int, through fellow: RunFolder) -> [String] {
    ["join", fellow.joinLine, "--run", folder(of: peer).path] + common(peer: peer)
  }

  /// The arguments of the peer that trains alone for as many steps as all others did together.
  package func alone(rounds: Int) -> [String] {
    [
      "train", "--alone", "--run", aloneFolder.path, "--name", "alone", "--identity",
      aloneFolder.path,
    ]
      + (settings + Self.plainTraining
      + ["run.peers=1", "run.rounds=\(max(1, rounds))", "compute.threads=0"]).flatMap {
        ["--set", $0]
      }
  }

  /// A dozen rounds are too few for the defaults' momentum: what the first, large steps leave in it is
  /// still there when the run ends (Docs/benchmarks.md).
  private static let shortRun = ["train.outer_learning_rate=1", "train.outer_momentum=0.5"]

  /// With nobody to average with, what is taken over whole and at once is plain AdamW.
  private static let plainTraining = [
    "train.outer_learning_rate=1", "train.outer_momentum=0", "train.codec=f32",
    "checkpoint.every=0",
  ]

  private func common(peer: Int) -> [String] {
    ["--name", "peer \(peer)", "--identity", folder(of: peer).path]
      + settings.flatMap { ["--set", $0] }
  }
}
