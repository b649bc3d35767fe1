// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Our own rules, as tests: each message says what to do.
@Suite("House")
struct HouseTests {
  let house = House()

  @Test("every source file begins with the licence line")
  func licenceLines() {
    for file in house.files where file.isSource {
      let expected = file.path.hasSuffix(".py") || file.path.hasSuffix(".sh") ? "#" : "//"
      let head = file.lines.prefix(2).joined(separator: "\n")
      #expect(
        head.contains("\(expected) SPDX-License-Identifier: Apache-2.0"),
        "\(file.path): begin with \"\(expected) SPDX-License-Identifier: Apache-2.0\"")
    }
  }

  @Test("no file outgrows its idea")
  func fileSizes() {
    for file in house.files where file.isSource && file.lines.count > 500 {
      #expect(
        file.lines.prefix(10).contains { $0.contains("Long because") },
        "\(file.path) has \(file.lines.count) lines: split it, or say \"Long because …\" at its head"
      )
    }
  }

  @Test("no name says nothing")
  func emptyNames() {
    let banned = /(?i)(^|\/)(utils?|helpers?|common|misc)(\/|\.|$)/
    for file in house.files {
      #expect(file.path.firstMatch(of: banned) == nil, "\(file.path): name the thing it holds")
    }
  }

  @Test("unsafe code says why it is safe")
  func safetyLines() {
    for file in house.files where file.isSwift && file.path.hasPrefix("Sources/") {
      let uses = file.lines.contains {
        $0.contains("@unchecked Sendable") || $0.contains(" unsafe ")
      }
      guard uses else { continue }
      #expect(
        file.lines.contains { $0.contains("SAFETY:") },
        "\(file.path): say in a \"SAFETY:\" line why the unsafe code in it holds")
    }
  }

  @Test("chance and time come in as parameters")
  func noHiddenChance() {
    let banned = [".random(in:", "Task.detached", "Task.sleep", "Date()", "arc4random"]
    let doors = ["Sources/CLI/"]
    for file in house.files
    where file.isSwift && file.path.hasPrefix("Sources/")
      && !doors.contains(where: file.path.hasPrefix)
    {
      for (number, line) in file.lines.enumerated() {
        let code = line.split(separator: "//", omittingEmptySubsequences: false)[0]
        for word in banned where code.contains(word) && !code.contains("using:") {
          Issue.record("\(file.path):\(number + 1): \(word) brings in chance or time; pass it in")
        }
      }
    }
  }

  @Test("only the doors of the house know of outside libraries")
  func whoMayImport() {
    let allowed = [
      "Crypto": ["Sources/Peers/", "Sources/Collectives/StateTransfer/", "Sources/CLI/"],
      "TOMLKit": ["Sources/CLI/"], "FlyingFox": ["Sources/CLI/"], "FlyingSocks": ["Sources/CLI/"],
      "ArgumentParser": ["Sources/CLI/"], "CMLX": ["Sources/Learning/"],
    ]
    for file in house.files where file.isSwift && file.path.hasPrefix("Sources/") {
      for line in file.lines {
        guard let module = line.firstMatch(of: /^(?:public |package |internal )?import (\w+)/)?.1,
          let rooms = allowed[String(module)]
        else { continue }
        #expect(
          rooms.contains { file.path.hasPrefix($0) },
          "\(file.path) imports \(module), which belongs in \(rooms.joined(separator: ", "))")
      }
    }
  }

  @Test("every test folder mirrors a room")
  func testsMirrorSources() {
    for file in house.files where file.isSwift && file.path.hasPrefix("Tests/") {
      let parts = file.path.split(separator: "/")
      guard parts.count > 3, parts[1] != "HouseTests" else { continue }
      let room = parts[1].dropLast("Tests".count)
      let folder = (["Sources", room] + parts[2..<parts.count - 1]).joined(separator: "/")
      let isKnown =
        house.folders.contains(folder)
        || ["Golden", "Simulated", "Processes", "Benchmarks", "Toys"].contains(String(parts[2]))
      #expect(isKnown, "\(file.path): there is no \(folder) that it mirrors")
    }
  }

  @Test("nothing in the house knows the machine it was built on")
  func noMachinePaths() {
    for file in house.files {
      for path in ["/wo" + "rk/", "/tmp/bash" + "_jobs"] {
        #expect(!file.text.contains(path), "\(file.path) names \(path), which no user has")
      }
    }
  }

  @Test("every public type and factory says what it is")
  func documented() {
    let declaration =
      /^ *public (?:indirect |final )*(?:struct|class|enum|protocol|actor|typealias|static func \w+).*/
    let witnesses = ["hash(into", "random"]
    for file in house.files where file.isSwift && file.path.hasPrefix("Sources/") {
      for (number, line) in file.lines.enumerated() where line.wholeMatch(of: declaration) != nil {
        if witnesses.contains(where: line.contains) { continue }
        let before = file.lines[..<number].last {
          !$0.trimmingPrefix(while: \.isWhitespace).hasPrefix("@")
        }
        #expect(
          before?.contains("///") == true,
          "\(file.path):\(number + 1): say in a \"///\" line what this is")
      }
    }
  }

  @Test("every limit that has a name outside its file is printed by ferry limits")
  func limits() throws {
    let list = try #require(house["Sources/CLI/Commands/Limit.swift"]?.text)
    let type =
      /^(?:public |package |private |final |indirect )*(?:struct|enum|class|actor|extension) (\w+).*/
    let limit = /^  (?:public|package) static let (\w+Max)\b(.*)/
    var count = 0
    for file in house.files where file.isSwift && file.path.hasPrefix("Sources/") {
      var owner = ""
      for (number, line) in file.lines.enumerated() {
        if let match = line.wholeMatch(of: type) { owner = String(match.1) }
        // What a format of numbers can hold is no limit of the product.
        guard let match = line.wholeMatch(of: limit), !match.2.contains("Float(") else { continue }
        count += 1
        #expect(
          [",", ")"].contains { list.contains("\(owner).\(match.1)\($0)") },
          "\(file.path):\(number + 1): list \(owner).\(match.1) in Sources/CLI/Commands/Limit.swift"
        )
      }
    }
    #expect(count > 40, "a search that finds nothing tests nothing")
  }

  @Test("no test sleeps")
  func noSleep() {
    let allowed = ["Tests/HouseTests/", "/Processes/"]
    for file in house.files
    where file.isSwift && file.path.hasPrefix("Tests/")
      && !allowed.contains(where: file.path.contains)
    {
      for (number, line) in file.lines.enumerated()
      where line.contains(/\b(?:u?sleep|Thread\.sleep|Task\.sleep)\(/) {
        Issue.record("\(file.path):\(number + 1): wait for what you wait for, with a deadline")
      }
    }
  }

  @Test("make ci is what CI runs, and scripts are executable by name")
  func entries() throws {
    let makefile = try #require(house["Makefile"]?.text)
    #expect(makefile.contains("\nci:\n\tbash .ci/run\n"))
    #expect(
      FileManager.default.isExecutableFile(atPath: house.root.appending(path: ".ci/run").path))
  }

  @Test("nothing that somebody once tried lies at the top")
  func top() throws {
    // A copy without its history has nothing to compare.
    guard FileManager.default.fileExists(atPath: house.root.appending(path: ".git").path) else {
      return
    }
    let listed = try Answer.of("/usr/bin/env", ["git", "ls-files"], folder: house.root).text
    let names = Set(listed.split(separator: "\n").compactMap { $0.split(separator: "/").first })
    #expect(names.contains("Sources"))
    let known: Set<Substring> = [
      ".ci", ".gitignore", "ARCHITECTURE.md", "Bindings", "CHANGELOG.md", "CONTRIBUTING.md", "Docs",
      "GLOSSARY.md", "LICENSE", "Makefile", "Package.swift", "README.md", "Sources", "Tests",
      "Tools",
    ]
    #expect(names.subtracting(known).isEmpty)
  }
}
