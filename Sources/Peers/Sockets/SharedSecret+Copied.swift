// SPDX-License-Identifier: Apache-2.0

import Crypto

extension SharedSecret {
  /// The secret's bytes, for a key derivation that the library does not have.
  var copied: [UInt8] {
    // SAFETY: the bytes are copied before the closure ends.
    unsafe withUnsafeBytes { unsafe Array($0) }
  }
}

extension SymmetricKey {
  /// The key's bytes, for a derivation from it.
  var copied: [UInt8] {
    // SAFETY: the bytes are copied before the closure ends.
    unsafe withUnsafeBytes { unsafe Array($0) }
  }
}
