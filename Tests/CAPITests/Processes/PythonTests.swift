// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The Python package's own tests and its examples, against the library that this build made.
@Suite("Python")
struct PythonTests {
  private static let bindings = BuiltLibrary.root.appending(path: "Bindings/python")
  private static let library = ["FERRY_LIBRARY": BuiltLibrary.path]

  @Test(
    "the Python package's tests pass",
    .enabled(if: BuiltLibrary.isThere, "swift build makes the library; rooms built alone do not"))
  func python() throws {
    let said = try Program.run(
      ["python3", "-B", "-m", "unittest", "test_ferry"], in: Self.bindings, Self.library)
    #expect(said.status == 0 && said.text.contains("Ran 17 tests"), "\(said.text)")
  }

  @Test(
    "the tests of ferry.ot pass where numpy is",
    .enabled(if: BuiltLibrary.isThere, "swift build makes the library; rooms built alone do not"))
  func transport() throws {
    guard let python = Trial(program: "test_ot.py", needs: "numpy").python else {
      print("test_ot.py not run: no python3 here imports numpy; FERRY_PYTHON names one that does")
      return
    }
    let said = try Program.run(
      [python, "-B", "-m", "unittest", "test_ot", "test_ot_measures"], in: Self.bindings,
      Self.library)
    #expect(said.status == 0 && said.text.contains("Ran 36 tests"), "\(said.text)")
  }

  @Test(
    "a wheel installs into a fresh environment, and the package's tests pass from there",
    .enabled(if: BuiltLibrary.isThere, "swift build makes the library; rooms built alone do not"))
  func wheel() throws {
    let folder = try Program.folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    // What `make wheel` packs, if it was called after the last build; else the ordinary library.
    let standalone = BuiltLibrary.root.appending(
      path: ".build/standalone/\(URL(filePath: BuiltLibrary.path).lastPathComponent)")
    let isStandalone =
      try Self.changed(at: standalone.path).map { try $0 >= Self.changed(at: BuiltLibrary.path)! }
      ?? false
    let builder = Self.bindings.appending(path: "build_wheel.py").path
    let built = try Program.run(
      ["python3", "-B", builder, isStandalone ? standalone.path : BuiltLibrary.path, "."],
      in: folder)
    try #require(built.status == 0, "\(built.text)")
    let wheel = built.text.trimmingCharacters(in: .whitespacesAndNewlines)
    for words in [
      ["python3", "-m", "venv", "fresh"],
      ["fresh/bin/python", "-m", "pip", "install", "--quiet", "--no-index", wheel],
      ["cp", Self.bindings.appending(path: "test_ferry.py").path, "."],
    ] {
      let said = try Program.run(words, in: folder)
      try #require(said.status == 0, "\(words): \(said.text)")
    }
    #if os(Linux)
      if isStandalone {
        let needs = try Program.run(["ldd", standalone.path], in: folder)
        #expect(
          !needs.text.contains("swift") && !needs.text.contains("Foundation"), "\(needs.text)")
      }
    #endif
    let said = try Program.run(
      ["fresh/bin/python", "-B", "-m", "unittest", "test_ferry"], in: folder)
    #expect(said.status == 0 && said.text.contains("Ran 17 tests"), "\(said.text)")
    let place = try Program.run(["fresh/bin/python", "-m", "ferry", "library"], in: folder)
    #expect(place.text.contains("fresh/"), "the package's own library: \(place.text)")
  }

  @Test(
    "DiLoCo survives the founder's death and takes a newcomer in; all end with equal parameters",
    .enabled(if: BuiltLibrary.isThere, "swift build makes the library; rooms built alone do not"),
    arguments: [
      Trial(program: "diloco_plain.py", needs: nil),
      Trial(program: "diloco_torch.py", needs: "torch"),
    ])
  func diloco(trial: Trial) throws {
    guard let python = trial.python else {
      print(
        "\(trial.program) not run: no python3 here imports torch; FERRY_PYTHON names one that does")
      return
    }
    let said = try Program.run(
      [
        python, "-B", "examples/\(trial.program)", "local", "--peers", "3", "--rounds", "8",
        "--kill", "3", "--newcomer", "5",
      ],
      in: Self.bindings, Self.library.merging(["PYTHONPATH": Self.bindings.path]) { $1 })
    let lines = said.text.split(separator: "\n")
    #expect(said.status == 0, "\(said.text)")
    #expect(lines.contains("peer 1: killed"), "\(said.text)")
    #expect(lines.contains { $0.hasPrefix("peer 4: joined ") }, "\(said.text)")
    #expect(lines.filter { $0.contains(": parameters equal on 3 ") }.count == 3, "\(said.text)")
    #expect(lines.last == "3 peers ended alike", "\(said.text)")
    let losses = lines.filter { $0.hasPrefix("peer 2: round ") }
      .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
    #expect(try #require(losses.last) < #require(losses.first) - 0.2, "it learns")
  }

  private static func changed(at path: String) throws -> Date? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    return try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
  }

  /// An example, and the package that it needs.
  struct Trial: CustomTestStringConvertible {
    let program: String
    let needs: String?
    var testDescription: String { program }

    /// A Python that has it; nil where none does.
    var python: String? {
      guard let needs else { return "python3" }
      let candidates = [ProcessInfo.processInfo.environment["FERRY_PYTHON"], "python3"]
      return candidates.compactMap { $0 }.first { python in
        let said = try? Program.run(
          [python, "-c", "import \(needs)"], in: BuiltLibrary.root)
        return said?.status == 0
      }
    }
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
