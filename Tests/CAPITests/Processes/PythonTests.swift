// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The Python package's own tests, against the library that this build made.
@Suite("Python")
struct PythonTests {
  @Test(
    "the Python package's tests pass",
    .enabled(if: BuiltLibrary.isThere, "swift build makes the library; rooms built alone do not"))
  func python() throws {
    let python = Process()
    python.executableURL = URL(filePath: "/usr/bin/env")
    python.arguments = ["python3", "-B", "-m", "unittest", "test_ferry"]
    python.currentDirectoryURL = BuiltLibrary.root.appending(path: "Bindings/python")
    python.environment = ProcessInfo.processInfo.environment.merging(
      ["FERRY_LIBRARY": BuiltLibrary.path]
    ) { $1 }
    let output = Pipe()
    python.standardError = output
    python.standardOutput = output
    try python.run()
    // Each wait in there has its own deadline; this one is for Python itself.
    let guardian = Thread {
      Thread.sleep(forTimeInterval: 300)
      kill(python.processIdentifier, SIGKILL)
    }
    guardian.start()
    let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    python.waitUntilExit()
    #expect(python.terminationStatus == 0, "\(said)")
    #expect(said.contains("Ran 5 tests"), "\(said)")
  }
}

/// `libFerryC` of this build.
enum BuiltLibrary {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  static let folder = root.appending(path: ".build/release")
  #if os(macOS)
    static let path = folder.appending(path: "libFerryC.dylib").path
  #else
    static let path = folder.appending(path: "libFerryC.so").path
  #endif
  static var isThere: Bool { FileManager.default.fileExists(atPath: path) }
}
