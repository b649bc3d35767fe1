// SPDX-License-Identifier: Apache-2.0

package import FerryPlanning
import Foundation

/// Measured links between named peers, as `ferry plan ring` reads them.
package struct LinksFile: Sendable {
  /// One measurement.
  private struct Entry: Decodable {
    let from: String
    let to: String
    let megabits: Double
    let milliseconds: Double
  }

  private struct Content: Decodable {
    let peers: [String]
    let links: [Entry]
  }

  /// The largest file: 256 peers, all pairs, long names.
  package static let bytesMax = 16 << 20

  /// The peers, in the order of the file.
  package let names: [String]
  /// What was measured between them.
  package let matrix: PairMatrix

  /// - Throws: `.fileUnreadable`; `.linksMalformed` for what is no such file.
  package static func read(_ path: String) throws -> LinksFile {
    let bytes = try BoundedFile.read(
      path, bytesMax: bytesMax,
      remedy: "Name a file with measured links; see 'ferry plan ring --help'.")
    return try LinksFile(bytes, path: path)
  }

  /// - Parameter path: what messages call it.
  package init(_ bytes: [UInt8], path: String) throws {
    let content: Content
    do {
      content = try JSONDecoder().decode(Content.self, from: Foundation.Data(bytes))
    } catch {
      throw Self.malformed(Self.text(error), path)
    }
    var index: [String: Int] = [:]
    for (number, name) in content.peers.enumerated() {
      guard index.updateValue(number, forKey: name) == nil else {
        throw Self.malformed("the peer \"\(name)\" is listed twice", path)
      }
    }
    var matrix = try PairMatrix(members: content.peers.count)
    for (number, entry) in content.links.enumerated() {
      guard let from = index[entry.from], let to = index[entry.to], from != to else {
        throw Self.malformed(
          "link \(number) joins \"\(entry.from)\" and \"\(entry.to)\", which are no two of the peers",
          path)
      }
      guard (0...3_600_000).contains(entry.milliseconds), entry.megabits > 0 else {
        throw Self.malformed(
          "link \(number) has \(entry.megabits) megabits and \(entry.milliseconds) milliseconds",
          path)
      }
      guard matrix[from, to] == nil else {
        throw Self.malformed(
          "the link from \"\(entry.from)\" to \"\(entry.to)\" is listed twice", path)
      }
      try matrix.set(
        from: from, to: to,
        PairLink(
          latency: .milliseconds(entry.milliseconds), bytesPerSecond: entry.megabits * 125_000))
    }
    for from in 0..<matrix.count {
      for to in 0..<matrix.count where from != to && matrix[from, to] == nil {
        if let back = matrix[to, from] { try matrix.set(from: from, to: to, back) }
      }
    }
    names = content.peers
    self.matrix = matrix
  }

  private static func malformed(_ what: String, _ path: String) -> CLIError {
    CLIError(
      .linksMalformed, what: what, place: path,
      remedy: "Write it as 'ferry plan ring --help' shows.")
  }

  private static func text(_ error: any Error) -> String {
    func place(_ path: [any CodingKey]) -> String {
      path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: " ")
    }
    switch error as? DecodingError {
    case .keyNotFound(let key, let context):
      let before = place(context.codingPath)
      return "\"\(key.stringValue)\" is missing" + (before.isEmpty ? "" : " in \(before)")
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      let before = place(context.codingPath)
      return before.isEmpty ? "it is no object" : "\(before) is of another type"
    default: return "it is no JSON"
    }
  }
}
