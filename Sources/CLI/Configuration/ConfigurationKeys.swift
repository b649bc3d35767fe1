// SPDX-License-Identifier: Apache-2.0

extension ConfigurationKey {
  /// The sections of `run.toml`, in order, each with the line that introduces it.
  package static let sections: [(name: String, title: String)] = [
    ("run", "What this run is called, where its chance comes from, how long it goes on."),
    ("model", "The network. Equal on all peers."),
    ("data", "What it learns from."),
    ("train", "How replicas learn and when they meet. Equal on all peers."),
    ("peers", "Who may take part, and how they reach each other."),
    ("compute", "What this machine gives."),
    ("checkpoint", "What is kept on disk."),
    ("telemetry", "What can be watched from outside."),
  ]

  /// Every key there is.
  package static let all: [ConfigurationKey] =
    runKeys + modelKeys + dataKeys + trainKeys + peersKeys + machineKeys

  private static func whole(
    _ section: String, _ name: String, _ fallback: Int, _ range: ClosedRange<Int>,
    _ scope: Scope, _ explanation: String
  ) -> ConfigurationKey {
    ConfigurationKey(
      section: section, name: name, kind: .whole(range), fallback: .whole(fallback), scope: scope,
      explanation: explanation)
  }

  private static func real(
    _ section: String, _ name: String, _ fallback: Double, _ range: ClosedRange<Double>,
    _ explanation: String
  ) -> ConfigurationKey {
    ConfigurationKey(
      section: section, name: name, kind: .real(range), fallback: .real(fallback),
      scope: .everyPeer, explanation: explanation)
  }

  private static func text(
    _ section: String, _ name: String, _ fallback: String, _ scope: Scope, _ explanation: String
  ) -> ConfigurationKey {
    ConfigurationKey(
      section: section, name: name, kind: .text, fallback: .text(fallback), scope: scope,
      explanation: explanation)
  }

  private static func choice(
    _ section: String, _ name: String, _ names: [String], _ scope: Scope, _ explanation: String
  ) -> ConfigurationKey {
    ConfigurationKey(
      section: section, name: name, kind: .choice(names), fallback: .text(names[0]), scope: scope,
      explanation: explanation)
  }

  private static let runKeys = [
    text(
      "run", "name", "crossing", .everyPeer,
      "A name for people: letters, digits, '-', '_' and '.', 64 at most."),
    whole(
      "run", "seed", 1, 0...Int.max, .everyPeer,
      "Where all chance comes from: first weights, order of samples, rounding."),
    whole(
      "run", "rounds", 30, 1...1_000_000, .everyPeer,
      "How many times the peers meet. Each round is train.inner_steps steps on every peer."),
    whole(
      "run", "peers", 1, 1...128, .everyPeer,
      "The first round waits until this many peers are there; later ones wait for nobody."),
  ]

  private static let modelKeys = [
    choice("model", "kind", ["gpt"], .everyPeer, "The architecture: a decoder-only transformer."),
    whole("model", "layers", 4, 1...64, .everyPeer, "Transformer blocks."),
    whole("model", "width", 128, 8...8192, .everyPeer, "Numbers per token; a multiple of heads."),
    whole("model", "heads", 4, 1...128, .everyPeer, "Attention heads in each block."),
    whole("model", "context", 128, 8...8192, .everyPeer, "Tokens the model sees at once."),
    choice(
      "model", "vocabulary", ["bytes"], .everyPeer,
      "What a token is: each byte of the text, 256 of them."),
  ]

  private static let dataKeys = [
    text(
      "data", "text", "kjv", .thisPeer,
      "A text file, a folder of them, or \"kjv\": the King James Bible that `ferry data fetch`\n"
        + "brings. The path may differ between machines; the content may not."),
    real(
      "data", "validation", 0.05, 0.001...0.5,
      "The last part of the text, held back to measure with; a fraction."),
  ]

  private static let trainKeys = [
    choice(
      "train", "strategy", ["diloco", "data-parallel"], .everyPeer,
      "\"diloco\": every peer takes inner_steps steps alone, then they average what changed.\n"
        + "\"data-parallel\": they average gradients at every step (needs fast links)."),
    whole("train", "batch", 8, 1...4096, .everyPeer, "Sequences in a step, on each peer."),
    whole(
      "train", "inner_steps", 100, 1...100_000, .everyPeer,
      "Steps between two meetings (H). Twice as many send half as many bytes."),
    real("train", "learning_rate", 0.001, 1e-8...10, "AdamW's, after warm-up."),
    whole(
      "train", "warmup", 50, 0...1_000_000, .everyPeer,
      "Steps over which the learning rate rises from 0."),
    real("train", "weight_decay", 0.1, 0...10, "AdamW's, on matrices only."),
    real(
      "train", "outer_learning_rate", 0.7, 0...10,
      "How much of the averaged change is taken over at a meeting."),
    real("train", "outer_momentum", 0.9, 0...0.9999, "Nesterov momentum over meetings."),
    choice(
      "train", "codec",
      ["int8", "int8-stochastic", "int4", "int4-stochastic", "top-k", "bf16", "f32"], .everyPeer,
      "How numbers travel: \"int8\" 1 byte each, \"int4\" half of one, \"bf16\" 2, \"f32\" 4 and\n"
        + "exact. \"-stochastic\" rounds by chance, right on average. \"top-k\" sends the largest\n"
        + "1 in 32 and drops the others for good: for trials."),
    real(
      "train", "clip", 1, 0...1_000_000,
      "Gradients longer than this are shortened to it; 0 leaves them alone."),
  ]

  private static let peersKeys = [
    text(
      "peers", "listen", "0.0.0.0:7700", .thisPeer,
      "Where other peers reach this one: host:port. Port 0 takes any free one."),
    text(
      "peers", "advertise", "", .thisPeer,
      "The host:port told to others when it differs from listen (behind a router, in a\n"
        + "container). Empty: found out by itself."),
    text(
      "peers", "secret_file", "", .thisPeer,
      "A file with the run's secret. Empty: one is made and kept in the run's folder; the\n"
        + "join line carries it."),
    ConfigurationKey(
      section: "peers", name: "allow", kind: .list, fallback: .list([]), scope: .thisPeer,
      explanation:
        "Ids of the peers to link with (`ferry identity show` prints one's own). Not empty,\n"
        + "it replaces the secret: who is not on it is refused, with the secret or without.\n"
        + "All peers of a run should do one or the other."),
    choice(
      "peers", "encryption", ["on", "off"], .everyPeer,
      "\"off\" only among machines on a network that you trust; peers still prove who they are."),
  ]

  private static let machineKeys = [
    whole("compute", "threads", 0, 0...1024, .thisPeer, "Threads to compute with; 0: all cores."),
    text(
      "checkpoint", "folder", "", .thisPeer,
      "Where checkpoints go. Empty: into the run's folder."),
    whole(
      "checkpoint", "every", 10, 0...1_000_000, .thisPeer,
      "Rounds between two checkpoints; 0 writes none but the last."),
    whole("checkpoint", "keep", 3, 1...1000, .thisPeer, "How many to keep, the newest ones."),
    whole(
      "telemetry", "metrics_port", 0, 0...65535, .thisPeer,
      "Serves Prometheus text at http://127.0.0.1:PORT/metrics; 0 serves nothing."),
    choice(
      "telemetry", "log", ["notice", "trace", "debug", "info", "warning", "error"], .thisPeer,
      "The least important message to print on stderr."),
  ]
}
