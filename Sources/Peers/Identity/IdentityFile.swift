// SPDX-License-Identifier: Apache-2.0

import Crypto
import FerryBasics
import Foundation

// On disk an identity is one line, `ferry-identity-1 <base64 of 32 bytes>`, in a file that only its
// owner can read, in a folder that only its owner can enter.
extension Identity {
  /// The file's name inside its folder.
  public static let fileName = "identity"
  private static let label = "ferry-identity-1"
  private static let fileBytesMax = 256

  /// The identity kept in `folder`; the first call makes the folder (mode 0700) and the identity
  /// (mode 0600), atomically: of two processes that start at once, both get the same one.
  ///
  /// - Throws: `.identityExposed` when others may read the file, `.identityDamaged` when it holds
  ///   something else, `.identityUnusable` when the disk refuses.
  public static func kept(inFolder folder: String) throws(PeersError) -> Identity {
    let path = folder + "/" + fileName
    if let found = try read(path) { return found }
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw unusable("the folder cannot be made: \(reason(error))", folder)
    }
    let fresh = Identity()
    let line = "\(label) \(Data(fresh.secretBytes).base64EncodedString())\n"
    if let failure = PrivateFile.create(path, contents: Array(line.utf8)) {
      if failure != .alreadyThere { throw unusable("it cannot be written: \(failure)", path) }
      // Another process was first: its identity counts.
      guard let found = try read(path) else { throw unusable("it vanished while read", path) }
      return found
    }
    return fresh
  }

  private static func read(_ path: String) throws(PeersError) -> Identity? {
    let attributes: [FileAttributeKey: Any]
    do {
      attributes = try FileManager.default.attributesOfItem(atPath: path)
    } catch CocoaError.fileReadNoSuchFile, CocoaError.fileNoSuchFile {
      return nil
    } catch {
      throw unusable("it cannot be read: \(reason(error))", path)
    }
    let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0o777
    guard mode & 0o077 == 0 else {
      throw PeersError(
        .identityExposed,
        "the identity can be read by others (mode 0\(String(mode & 0o777, radix: 8)))",
        place: path,
        remedy: "Run: chmod 600 \(path) — or delete it for a new identity if others had access.")
    }
    guard let size = (attributes[.size] as? NSNumber)?.intValue, size <= fileBytesMax else {
      throw damaged(path)
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw unusable("it cannot be read", path)
    }
    let words = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    guard words.count == 2, words[0] == label, let bytes = Data(base64Encoded: String(words[1])),
      let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes)
    else { throw damaged(path) }
    return Identity(key: key)
  }

  private static func damaged(_ path: String) -> PeersError {
    PeersError(
      .identityDamaged, "the file is not an identity", place: path,
      remedy: "Restore it from a backup, or delete it and the peer gets a new id.")
  }

  private static func unusable(_ what: String, _ path: String) -> PeersError {
    PeersError(
      .identityUnusable, what, place: path,
      remedy: "Give this user a folder it can write to, or name another one for the identity.")
  }

  private static func reason(_ error: any Error) -> String {
    if let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError {
      return SystemReason(Int32(underlying.code)).description
    }
    return (error as NSError).localizedDescription
  }
}
