// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import Foundation
import Testing

@Suite("Corpus")
struct CorpusTests {
  private func message(_ body: () throws(DataError) -> Void) -> String? {
    do throws(DataError) {
      try body()
      return nil
    } catch { return error.description }
  }

  private func disk(_ files: [(String, String)]) throws -> MemoryFileSystem {
    let disk = MemoryFileSystem()
    for (path, text) in files {
      try disk.createFolder(parentFolder(of: path))
      try disk.write(Array(text.utf8), to: path)
    }
    return disk
  }

  @Test("reads a file and splits off the last tenth")
  func file() throws {
    let text = String(repeating: "0123456789", count: 10)
    let corpus = try Corpus(path: "a.txt", in: disk([("a.txt", text)]))
    #expect(corpus.bytes == Array(text.utf8))
    #expect(corpus.training.count == 90)
    #expect(corpus.validation.count == 10)
    #expect(corpus.fingerprint == ContentHash(of: Array(text.utf8)))
    let half = try Corpus(bytes: corpus.bytes, name: "a", validationFraction: 0.5)
    #expect(half.validationStart == 50)
  }

  @Test("reads the text files of a folder in the order of their paths, and nothing else")
  func folder() throws {
    let disk = try disk([
      ("t/b.txt", "B"), ("t/a.md", "A\n"), ("t/c/x.TXT", "X"), ("t/image.png", "P"),
      ("t/.hidden.txt", "H"), ("t/c/.git/y.txt", "Y"),
    ])
    #expect(try Corpus(path: "t", in: disk).bytes == Array("A\nB\nX\n".utf8))
  }

  @Test("says exactly what is wrong with a text")
  func messages() throws {
    let disk = try disk([("empty.txt", ""), ("zip", "PK\u{3}\u{0}"), ("t/x.png", "P")])
    #expect(
      message { () throws(DataError) in _ = try Corpus(path: "none.txt", in: disk) }
        == "text-not-found: there is no such file or folder (none.txt). "
        + "Check the path, or run 'ferry data fetch kjv' for a text to try.")
    #expect(
      message { () throws(DataError) in _ = try Corpus(path: "empty.txt", in: disk) }
        == "text-empty: the text has no bytes (empty.txt). "
        + "Name a file with text in it, or run 'ferry data fetch kjv'.")
    #expect(
      message { () throws(DataError) in _ = try Corpus(path: "t", in: disk) }
        == "text-empty: no text in files that end in .txt, .text or .md (t). "
        + "Name a file, or a folder with text files in it.")
    #expect(
      message { () throws(DataError) in _ = try Corpus(path: "zip", in: disk) }
        == "text-not-text: byte 3 is zero, which no text holds (zip). "
        + "Unpack it, or convert it to UTF-8, first.")
    // A file used as a folder is unreadable for every user, root included.
    let file = NSTemporaryDirectory() + "/ferry-corpus-\(ProcessInfo.processInfo.processIdentifier)"
    try Data("x".utf8).write(to: URL(fileURLWithPath: file))
    defer { try? FileManager.default.removeItem(atPath: file) }
    #expect(
      message { () throws(DataError) in _ = try Corpus(path: file + "/a.txt") }
        == "text-unreadable: cannot read the text: Not a directory (\(file)/a.txt). "
        + "Check its permissions.")
  }

  @Test("a part shorter than a window is refused with the numbers")
  func tooShort() throws {
    let corpus = try Corpus(bytes: [UInt8](repeating: 65, count: 100), name: "a.txt")
    #expect(message { () throws(DataError) in try corpus.requireWindow(context: 9) } == nil)
    #expect(
      message { () throws(DataError) in
        _ = try WindowDataset(corpus, context: 10, seed: Seed(1))
      }
        == "text-too-short: the validation part has 10 of the text's 100 bytes, and one window "
        + "takes 11 (a.txt). Use a longer text or a shorter context.")
  }
}

@Suite("Corpus, entropies")
struct CorpusEntropyTests {
  @Test("a fair coin costs one bit a byte, an alternation nothing to a bigram model")
  func known() throws {
    var generator = SplitMix64(Seed(1))
    let coin = (0..<100_000).map { _ in UInt8.random(in: 65...66, using: &generator) }
    let corpus = try Corpus(bytes: coin, name: "coin")
    #expect(abs(corpus.unigramEntropy - 1) < 0.006)
    #expect(abs(corpus.bigramEntropy - 1) < 0.001)
    let alternating = try Corpus(bytes: (0..<100_000).map { 65 + UInt8($0 & 1) }, name: "ab")
    #expect(abs(alternating.unigramEntropy - 1) < 0.006)
    #expect(alternating.bigramEntropy < 0.001)
  }

  @Test("equals the sums done by hand on four bytes")
  func byHand() throws {
    let corpus = try Corpus(
      bytes: Array("aab".utf8) + Array("b".utf8), name: "x", validationFraction: 0.25)
    // Trained on "aab", asked for "b" after "b", which it never saw: p(b) = (1 + 1) / (3 + 256).
    #expect(abs(corpus.unigramEntropy - -log2(2.0 / 259)) < 1e-12)
    #expect(abs(corpus.bigramEntropy - -log2(2.0 / 259)) < 1e-12)
    let other = try Corpus(bytes: Array("abab".utf8), name: "x", validationFraction: 0.25)
    // Trained on "aba": n(a, b) = 1, n(a) = 1, p(b) = 2 / 259.
    #expect(abs(other.bigramEntropy - -log2((1 + 2.0 / 259) / 2)) < 1e-12)
  }

  @Test("what was never seen costs much and is still finite")
  func unseen() throws {
    let bytes = [UInt8](repeating: 65, count: 90) + [UInt8](repeating: 90, count: 10)
    let corpus = try Corpus(bytes: bytes, name: "x")
    #expect(abs(corpus.unigramEntropy - log2(346)) < 1e-12)
    #expect(corpus.bigramEntropy.isFinite)
  }
}
