// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// A text to learn from, as bytes: a first part to train on, a last part to be measured on.
///
/// The vocabulary is the 256 bytes, so any UTF-8 text works without a tokenizer.
public struct Corpus: Sendable {
  /// Tokens there are.
  public static let vocabularySize = 256
  /// The longest text, in bytes; it is held in memory.
  public static let byteCountMax = 1 << 30
  /// Endings of the files that are taken from a folder.
  public static let endings = [".txt", ".text", ".md"]

  /// Where it came from; errors name it.
  public let name: String
  /// The text.
  public let bytes: [UInt8]
  /// Where the validation part begins; everything before it is trained on.
  public let validationStart: Int
  /// SHA-256 of the text. Peers whose texts differ must not train together.
  public let fingerprint: ContentHash

  /// A text in memory.
  ///
  /// - Parameter validationFraction: the part at the end kept for validation, above 0, below 1.
  /// - Throws: `.textEmpty`, `.textNotText` when it holds a zero byte, `.textTooLong`.
  public init(
    bytes: [UInt8], name: String, validationFraction: Double = 0.1
  ) throws(DataError) {
    precondition(
      validationFraction > 0 && validationFraction < 1, "a fraction of \(validationFraction)")
    guard !bytes.isEmpty else {
      throw DataError(
        .textEmpty, "the text has no bytes", at: name,
        remedy: "Name a file with text in it, or run 'ferry data fetch kjv'.")
    }
    guard bytes.count <= Self.byteCountMax else { throw Self.tooLong(name) }
    // Archives, images and UTF-16 all have zero bytes; no text in UTF-8 or Latin-1 has.
    if let zero = bytes.firstIndex(of: 0) {
      throw DataError(
        .textNotText, "byte \(zero) is zero, which no text holds", at: name,
        remedy: "Unpack it, or convert it to UTF-8, first.")
    }
    self.name = name
    self.bytes = bytes
    validationStart = bytes.count - Int(Double(bytes.count) * validationFraction)
    fingerprint = ContentHash(of: bytes)
  }

  /// The text of a file, or of all text files in a folder and the folders in it.
  ///
  /// From a folder come the files that end in one of `endings` and do not begin with a dot, in the
  /// order of the bytes of their paths, each followed by a newline if it does not end in one.
  /// - Throws: `.textNotFound`, `.textUnreadable`, `.textTooLong`, or as `init(bytes:)`.
  public init(
    path: String, validationFraction: Double = 0.1,
    in fileSystem: any FileSystem = DiskFileSystem()
  ) throws(DataError) {
    let bytes: [UInt8]
    do throws(FileSystemError) { bytes = try Self.gather(path, in: fileSystem) } catch {
      throw Self.explained(error)
    }
    if bytes.isEmpty, case .folder? = try? fileSystem.kind(of: path) {
      throw DataError(
        .textEmpty, "no text in files that end in .txt, .text or .md", at: path,
        remedy: "Name a file, or a folder with text files in it.")
    }
    try self.init(bytes: bytes, name: path, validationFraction: validationFraction)
  }

  /// The part to train on.
  public var training: ArraySlice<UInt8> { bytes[..<validationStart] }
  /// The part to be measured on.
  public var validation: ArraySlice<UInt8> { bytes[validationStart...] }

  /// Checks that each part holds at least one window of `context + 1` bytes.
  ///
  /// - Throws: `.textTooShort`.
  public func requireWindow(context: Int) throws(DataError) {
    precondition(context >= 1, "a context of \(context)")
    for (part, count) in [("training", training.count), ("validation", validation.count)]
    where count < context + 1 {
      throw DataError(
        .textTooShort,
        "the \(part) part has \(count) of the text's \(bytes.count) bytes, and one window takes "
          + "\(context + 1)", at: name,
        remedy: "Use a longer text or a shorter context.")
    }
  }

  private static func gather(
    _ path: String, in fileSystem: any FileSystem
  ) throws(FileSystemError) -> [UInt8] {
    guard try fileSystem.kind(of: path) == .folder else {
      return try fileSystem.read(path, byteCountMax: byteCountMax)
    }
    var bytes: [UInt8] = []
    for file in try textFiles(under: path, in: fileSystem) {
      bytes += try fileSystem.read(file, byteCountMax: byteCountMax - bytes.count)
      if let last = bytes.last, last != UInt8(ascii: "\n") { bytes.append(UInt8(ascii: "\n")) }
    }
    return bytes
  }

  private static func textFiles(
    under folder: String, in fileSystem: any FileSystem, depth: Int = 0
  ) throws(FileSystemError) -> [String] {
    var files: [String] = []
    for name in try fileSystem.list(folder) where !name.hasPrefix(".") {
      let path = folder + "/" + name
      switch try fileSystem.kind(of: path) {
      // Links can make folders endless; nobody sorts texts this deep.
      case .folder where depth < 16:
        files += try textFiles(under: path, in: fileSystem, depth: depth + 1)
      case .file where endings.contains { name.lowercased().hasSuffix($0) }:
        files.append(path)
      default: break
      }
    }
    return files.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  private static func tooLong(_ name: String) -> DataError {
    DataError(
      .textTooLong, "the text has more than \(byteCountMax) bytes", at: name,
      remedy: "Train on a part of it; it must fit in memory.")
  }

  private static func explained(_ error: FileSystemError) -> DataError {
    switch error.cause {
    case .missing:
      DataError(
        .textNotFound, "there is no such file or folder", at: error.path,
        remedy: "Check the path, or run 'ferry data fetch kjv' for a text to try.")
    case .tooLarge: tooLong(error.path)
    default:
      DataError(
        .textUnreadable, "cannot read the text: \(error.reason)", at: error.path,
        remedy: "Check its permissions.")
    }
  }
}
