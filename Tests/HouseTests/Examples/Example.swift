// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A C program of `Bindings/c`, compiled against a library that this build made, and its processes.
final class Example {
  private static let patience = 60.0
  private static let root = House().root
  private static let libraries = root.appending(path: ".build/release")

  /// A running program and what it has written so far.
  final class Run {
    let process = Process()
    private let output: URL
    /// Whose folder the output is in: kept as long as somebody looks at it.
    private let example: Example

    fileprivate init(_ example: Example, _ words: [String]) throws {
      self.example = example
      output = example.folder.appending(path: UUID().uuidString)
      _ = FileManager.default.createFile(atPath: output.path, contents: nil)
      process.executableURL = example.program
      process.arguments = words
      let file = try FileHandle(forWritingTo: output)
      process.standardOutput = file
      process.standardError = file
      try process.run()
    }

    /// Of both of its outputs.
    var lines: [String] {
      ((try? String(contentsOf: output, encoding: .utf8)) ?? "").split(separator: "\n")
        .map(String.init)
    }

    func stop() { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    deinit { stop() }
  }

  private let folder: URL
  private let program: URL

  /// Whether this build made the library; rooms built alone do not.
  static func isBuilt(_ library: String) -> Bool {
    ["so", "dylib"].contains { suffix in
      FileManager.default.fileExists(
        atPath: libraries.appending(path: "lib\(library).\(suffix)").path)
    }
  }

  /// - Parameters:
  ///   - name: of the file in `Bindings/c`, without its ending.
  ///   - library: what it is linked to: `FerryC`.
  ///   - header: the folder of its header in `Sources`.
  init(_ name: String, library: String, header: String) throws {
    folder = FileManager.default.temporaryDirectory.appending(
      path: "ferry-c-\(UUID().uuidString)")
    program = folder.appending(path: name)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let compiler = Process()
    compiler.executableURL = URL(filePath: "/usr/bin/env")
    compiler.arguments = [
      "clang", "-std=c11", "-Wall", "-Wextra", "-Werror",
      Self.root.appending(path: "Bindings/c/\(name).c").path,
      "-I", Self.root.appending(path: "Sources/\(header)/include").path,
      "-L", Self.libraries.path, "-l\(library)", "-Wl,-rpath,\(Self.libraries.path)",
      "-o", program.path,
    ]
    try compiler.run()
    compiler.waitUntilExit()
    try #require(compiler.terminationStatus == 0)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// Begins a process.
  func run(_ words: [String]) throws -> Run {
    try Run(self, words)
  }

  /// Waits until something holds; false when it takes too long.
  static func wait(_ holds: () -> Bool) -> Bool {
    let end = Date(timeIntervalSinceNow: patience)
    while !holds() {
      if Date.now > end { return false }
      Thread.sleep(forTimeInterval: 0.02)
    }
    return true
  }
}
