// SPDX-License-Identifier: Apache-2.0

/// Colors that people with any color vision can tell apart, light and dark (after Okabe and Ito).
enum Palette {
  /// How many peers get a color of their own before colors repeat.
  static let peerColors = 8

  static func peer(_ index: Int) -> String { "var(--peer-\(index % peerColors))" }

  /// - Parameter name: of `BytesByPurpose.byName`.
  static func purpose(_ name: String) -> String { "var(--purpose-\(name))" }
}
