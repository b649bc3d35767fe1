// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What the processor can do for encryption.
enum ProcessorFeatures {
  /// Whether AES runs in hardware; without it ChaCha20-Poly1305 is several times faster.
  static let hasAES: Bool = {
    #if canImport(Darwin)
      return true
    #else
      // The same word in x86's "flags" and in ARM's "Features", on every core's entry.
      guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else {
        return false
      }
      return text.split(separator: "\n").contains { line in
        (line.hasPrefix("flags") || line.hasPrefix("Features"))
          && line.split(separator: " ").contains("aes")
      }
    #endif
  }()
}
