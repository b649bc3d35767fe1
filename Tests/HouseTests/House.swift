// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The repository's files, as text.
struct House {
  struct File {
    let path: String
    let text: String
    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    var isSwift: Bool { path.hasSuffix(".swift") }
    var isDocument: Bool { path.hasSuffix(".md") }
    var isSource: Bool {
      ["Sources/", "Tests/", "Tools/"].contains { path.hasPrefix($0) }
        && [".swift", ".c", ".h", ".cpp", ".hpp", ".py", ".sh"].contains { path.hasSuffix($0) }
    }
  }

  let root: URL
  let files: [File]
  let folders: Set<String>

  init() {
    root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    var files: [File] = []
    var folders: Set<String> = []
    for name in ["Sources", "Tests", "Bindings", "Tools", "Docs"] {
      let base = root.appending(path: name)
      guard let all = FileManager.default.enumerator(atPath: base.path) else { continue }
      for case let relative as String in all where !relative.contains("/.") {
        let path = "\(name)/\(relative)"
        if let text = try? String(contentsOf: root.appending(path: path), encoding: .utf8) {
          files.append(File(path: path, text: text))
        } else {
          folders.insert(path)
        }
      }
    }
    let top = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
    for name in top where name.hasSuffix(".md") || ["Makefile", "Package.swift"].contains(name) {
      if let text = try? String(contentsOf: root.appending(path: name), encoding: .utf8) {
        files.append(File(path: name, text: text))
      }
    }
    self.files = files.sorted { $0.path < $1.path }
    self.folders = folders
  }

  /// The file of this path.
  subscript(path: String) -> File? { files.first { $0.path == path } }

  /// README, CONTRIBUTING and the like, and everything in `Docs`.
  var documents: [File] { files.filter(\.isDocument) }
}
