// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation

/// What `Tools/golden/tensors.py` wrote with NumPy and safetensors.
enum Golden {
  struct Entry: Decodable {
    let name: String
    let type: String
    let shape: [Int]
    let bytes: String

    /// The bytes, from hexadecimal.
    var data: [UInt8] {
      let digits = bytes.compactMap(\.hexDigitValue)
      return stride(from: 0, to: digits.count, by: 2).map {
        UInt8(digits[$0] * 16 + digits[$0 + 1])
      }
    }
  }

  struct Index: Decodable {
    let safetensorsFiles: [String: [Entry]]
    let npyFiles: [String: Entry]
  }

  struct Rounding: Decodable {
    let float: [UInt32]
    let half: [UInt16]
  }

  static func index() throws -> Index { try json("index.json") }
  static func rounding() throws -> Rounding { try json("rounding.json") }

  static func path(_ file: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Golden/Tensors/\(file)").path()
  }

  static func bytes(_ file: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: path(file))))
  }

  private static func json<T: Decodable>(_ file: String) throws -> T {
    try JSONDecoder().decode(T.self, from: Data(contentsOf: URL(filePath: path(file))))
  }
}

/// A folder that goes when the test ends.
struct Scratch: ~Copyable {
  private let folder = FileManager.default.temporaryDirectory
    .appending(path: "ferry-tensors-\(UUID().uuidString)")

  init() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String) -> String { folder.appending(path: name).path() }

  func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Data(bytes).write(to: URL(filePath: path(name)))
    return path(name)
  }

  var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path()).sorted() }
  }
}
