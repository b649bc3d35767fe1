// SPDX-License-Identifier: Apache-2.0

/// The shape every error of Ferry has: what happened, where, and what to do about it.
///
/// Prints as `code: what (place). remedy`. Each room has one conforming type with its own codes.
public protocol FerryError: Error, CustomStringConvertible, Sendable {
  /// A stable, hyphenated name: `peer-lost`. Scripts match on it; it is part of `--json` output.
  var codeName: String { get }
  /// What happened, with the numbers.
  var what: String { get }
  /// Where: the file, peer, step or key.
  var place: String { get }
  /// What the reader can do.
  var remedy: String { get }
}

extension FerryError {
  public var description: String { "\(codeName): \(what) (\(place)). \(remedy)" }
}
