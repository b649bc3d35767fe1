// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Where one peer of one run keeps what it writes.
package struct RunFolder: Equatable, Sendable {
  package let path: String

  package init(path: String) { self.path = path }

  /// This peer's event log.
  package var events: String { "\(path)/events.jsonl" }
  /// The line others join with, readable by the owner only.
  package var joinLine: String { "\(path)/join" }
  /// The run's secret, readable by the owner only.
  package var secret: String { "\(path)/secret" }
  package var checkpoints: String { "\(path)/checkpoints" }
  /// The configuration as it was resolved.
  package var configuration: String { "\(path)/run.toml" }
  /// The socket the run answers `ferry status` on.
  package var control: String {
    let beside = "\(path)/control.sock"
    if beside.utf8.count <= Self.socketPathBytesMax { return beside }
    // A socket's name has little room; one derived from the long path is found by everyone.
    let name = path.utf8.reduce(into: UInt64(14_695_981_039_346_656_037)) {
      $0 = ($0 ^ UInt64($1)) &* 1_099_511_628_211
    }
    return "/tmp/ferry-\(String(name, radix: 36)).sock"
  }

  /// The longest path a Unix socket takes everywhere.
  package static let socketPathBytesMax = 100
  /// The most folders `newest` looks at.
  package static let foldersMax = 10_000

  /// `$XDG_STATE_HOME/ferry/runs`, or `~/.local/state/ferry/runs`.
  package static func home(environment: [String: String]) -> String {
    if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") {
      return "\(state)/ferry/runs"
    }
    return "\(environment["HOME"] ?? NSHomeDirectory())/.local/state/ferry/runs"
  }

  /// A new folder for a run, named after it and the moment, readable by the owner only.
  ///
  /// - Parameter milliseconds: since 1970, by the wall clock.
  /// - Throws: `.fileUnwritable`.
  package static func create(
    run: String, in home: String, milliseconds: Int64, processID: Int32
  ) throws(CLIError) -> RunFolder {
    let folder = RunFolder(path: "\(home)/\(run)-\(milliseconds / 1000)-\(processID)")
    try folder.create()
    return folder
  }

  /// Makes the folder if it is not there.
  package func create() throws(CLIError) {
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    } catch {
      throw CLIError(
        .fileUnwritable, what: "the run's folder cannot be made: \(error.localizedDescription)",
        place: path, remedy: "Choose a folder that can be written with --run.")
    }
  }

  /// The folder of the run to talk to: the one given, or the newest that has a control socket.
  ///
  /// - Throws: `.runNotFound`.
  package static func find(
    _ path: String?, environment: [String: String]
  ) throws(CLIError) -> RunFolder {
    if let path {
      let folder = RunFolder(path: path)
      guard FileManager.default.fileExists(atPath: folder.control) else {
        throw CLIError(
          .runNotFound, what: "no run is going on in this folder", place: path,
          remedy: "Give the folder that `ferry train` printed.")
      }
      return folder
    }
    let home = home(environment: environment)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: home)) ?? []
    let candidates = names.prefix(foldersMax).compactMap { name -> (Date, RunFolder)? in
      let folder = RunFolder(path: "\(home)/\(name)")
      let attributes = try? FileManager.default.attributesOfItem(atPath: folder.control)
      return (attributes?[.modificationDate] as? Date).map { ($0, folder) }
    }
    guard let newest = candidates.max(by: { $0.0 < $1.0 }) else {
      throw CLIError(
        .runNotFound, what: "no run is going on on this machine", place: home,
        remedy: "Start one with `ferry train run.toml`, or give its folder with --run.")
    }
    return newest.1
  }

  /// Writes a text that only the owner may read.
  package func writePrivately(_ text: String, to path: String) throws(CLIError) {
    try? FileManager.default.removeItem(atPath: path)
    let made = FileManager.default.createFile(
      atPath: path, contents: Foundation.Data(text.utf8),
      attributes: [.posixPermissions: 0o600])
    guard made else {
      throw CLIError(
        .fileUnwritable, what: "cannot be written", place: path,
        remedy: "Check that the folder can be written and has space.")
    }
  }
}
