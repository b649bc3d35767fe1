// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What the documents say is true of the program beside them.
@Suite("Documents")
struct DocumentsTests {
  let house = House()
  var binaries: URL { house.root.appending(path: ".build/release") }
  var ferry: String { binaries.appending(path: "ferry").path }

  @Test("every make target that a document names is one")
  func makeTargets() throws {
    let makefile = try #require(house["Makefile"]?.text)
    for file in house.documents {
      for match in file.text.matches(of: /(?:`|\n)make ([a-z]+)/) {
        #expect(
          makefile.contains("\n\(match.1):"),
          "\(file.path) names `make \(match.1)`, which is no target")
      }
    }
    let help = try Answer.of("/usr/bin/env", ["make", "help"], folder: house.root)
    for match in help.text.matches(of: /make ([a-z]+)/) {
      #expect(makefile.contains("\n\(match.1):"), "make help names \(match.1), which is no target")
    }
  }

  @Test("every link to a file leads to one")
  func links() {
    for file in house.documents {
      let folder = house.root.appending(path: file.path).deletingLastPathComponent()
      for match in file.text.matches(of: /\]\(([^)#:]+)(?:#[^)]*)?\)/) {
        let target = folder.appending(path: String(match.1)).path
        #expect(
          FileManager.default.fileExists(atPath: target),
          "\(file.path) links to \(match.1), which is not there")
      }
    }
  }

  @Test("every path of the house that a document names in code is there")
  func paths() {
    for file in house.documents where file.path != "CHANGELOG.md" {
      for match in file.text.matches(
        of: /`((?:Sources|Tests|Tools|Docs|\.ci)\/[A-Za-z0-9_+.\/-]+)`/)
      {
        // A recipe names the file that its reader will write.
        if match.1.contains("/Mine") { continue }
        #expect(
          FileManager.default.fileExists(atPath: house.root.appending(path: String(match.1)).path),
          "\(file.path) names \(match.1), which is not there")
      }
    }
  }

  @Test("every Swift and Python snippet in a document stands in a test that runs it")
  func snippets() {
    func squeezed(_ text: some StringProtocol) -> String {
      text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
    let tests = house.files.filter {
      $0.isSwift && $0.path.hasPrefix("Tests/") || $0.path.hasPrefix("Bindings/python/test_")
    }.map { squeezed($0.text) }
    var count = 0
    for file in house.documents {
      for match in file.text.matches(of: /```(?:swift|python)\n((?s).*?)```/) {
        count += 1
        let snippet = squeezed(match.1)
        #expect(
          tests.contains { $0.contains(snippet) },
          "\(file.path): no test has \(match.1.prefix(60))…")
      }
    }
    #expect(count > 0, "a search that finds nothing tests nothing")
  }

  @Test("every ferry command in a document exists, with its flags")
  func commands() throws {
    try #require(
      FileManager.default.isExecutableFile(atPath: ferry), "build ferry first: make build")
    var helps: [String: String] = [:]
    func help(_ words: [String]) throws -> String {
      let name = (["ferry"] + words).joined(separator: " ")
      if let known = helps[name] { return known }
      let text = try Answer.of(ferry, words + ["--help"], folder: house.root).text
      helps[name] = text
      return text
    }
    var calls = 0
    for file in house.documents {
      for block in ShellBlock.all(in: file) {
        for words in block.ferryCalls {
          calls += 1
          let place = "\(block.path):\(block.line): ferry \(words.joined(separator: " "))"
          var name: [String] = []
          for word in words {
            // A comma follows where a command has a second name.
            let text = try help(name)
            guard text.contains("\n  \(word) ") || text.contains("\n  \(word), ") else { break }
            name.append(word)
          }
          #expect(!name.isEmpty || words.first?.hasPrefix("--") == true, "\(place): no command")
          let text = try help(name)
          for word in words where word.hasPrefix("--") {
            let flag = word.prefix { $0 != "=" }
            #expect(text.contains(flag), "\(place): \(flag) is no flag of it")
          }
        }
      }
    }
    #expect(calls > 10, "a search that finds nothing tests nothing")
  }

  @Test("the blocks marked for it run")
  func blocks() throws {
    try #require(
      FileManager.default.isExecutableFile(atPath: ferry), "build ferry first: make build")
    var count = 0
    for file in house.documents {
      for block in ShellBlock.all(in: file) where block.runs {
        count += 1
        let folder = FileManager.default.temporaryDirectory.appending(
          path: "ferry-documents-\(ProcessInfo.processInfo.processIdentifier)-\(count)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let script = "set -euo pipefail\n" + block.commands.joined(separator: "\n")
        let answer = try Answer.of(
          "/usr/bin/env", ["bash", "-c", script], folder: folder, path: binaries.path)
        #expect(answer.status == 0, "\(block.path):\(block.line):\n\(answer.text)")
      }
    }
    #expect(count > 1, "a search that finds nothing tests nothing")
  }
}
