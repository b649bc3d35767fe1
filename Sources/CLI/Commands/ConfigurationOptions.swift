// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// The flags that change a configuration.
struct ConfigurationOptions: ParsableArguments {
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Set one value: section.key=value. May be repeated; wins over everything else.",
      valueName: "section.key=value"))
  var settings: [String] = []

  @Option(help: "Where to listen: host:port (peers.listen).")
  var listen: String?

  @Option(help: "What to learn from: a file, a folder, or kjv (data.text).")
  var text: String?

  @Option(help: "Threads to compute with; 0: all cores (compute.threads).")
  var threads: Int?

  @Option(
    name: .customLong("metrics"),
    help: ArgumentHelp(
      "Serve Prometheus text on this port of 127.0.0.1 (telemetry.metrics_port).",
      valueName: "port"))
  var metricsPort: Int?

  /// Loads the file with the environment and these flags over it.
  func load(path: String?) throws(CLIError) -> RunConfiguration {
    try ConfigurationLoader.reading(
      path: path, environment: ProcessInfo.processInfo.environment, settings: allSettings
    ).load()
  }

  /// The named flags as settings, before the `--set`s, which win.
  var allSettings: [String] {
    var all: [String] = []
    if let listen { all.append("peers.listen=\(listen)") }
    if let text { all.append("data.text=\(text)") }
    if let threads { all.append("compute.threads=\(threads)") }
    if let metricsPort { all.append("telemetry.metrics_port=\(metricsPort)") }
    return all + settings
  }
}
