// SPDX-License-Identifier: Apache-2.0

import CKernels

/// A cipher that seals and opens bytes where they lie, its key set up once.
///
/// The same ciphers as the library's, by its own C functions; its Swift interface sets the key up
/// and copies the bytes three times for every record.
@safe
final class InPlaceCipher: Sendable {
  // SAFETY: made by `ferry_cipher_new`, never changed, and freed once; the library allows calls from
  // several threads.
  private nonisolated(unsafe) let cipher: UnsafeMutableRawPointer

  /// - Parameter key: 32 bytes.
  /// - Returns: nil where this build has none.
  init?(isAES: Bool, key: [UInt8]) {
    precondition(key.count == 32, "a key of \(key.count) bytes")
    // SAFETY: the key has 32 bytes and is copied in the call.
    guard let cipher = unsafe ferry_cipher_new(isAES ? 1 : 0, key) else { return nil }
    unsafe self.cipher = cipher
  }

  deinit { unsafe ferry_cipher_free(cipher) }

  /// Seals all but the last 16 bytes, into which the tag goes.
  func seal(_ bytes: UnsafeMutableRawBufferPointer, nonce: [UInt8]) -> Bool {
    precondition(nonce.count == 12 && bytes.count >= 16, "a nonce of \(nonce.count) bytes")
    // SAFETY: the bytes end with room for the tag; the nonce has the 12 that are read.
    return unsafe ferry_cipher_seal(
      cipher, nonce, bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), bytes.count - 16) == 1
  }

  /// Opens bytes that end with their tag; false when it does not fit.
  func open(_ bytes: UnsafeMutableRawBufferPointer, nonce: [UInt8]) -> Bool {
    precondition(nonce.count == 12 && bytes.count >= 16, "a nonce of \(nonce.count) bytes")
    // SAFETY: as for `seal`.
    return unsafe ferry_cipher_open(
      cipher, nonce, bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), bytes.count) == 1
  }
}
