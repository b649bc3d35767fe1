// SPDX-License-Identifier: Apache-2.0

/// Base58 with Bitcoin's alphabet, as libp2p prints peer ids: no 0, O, I or l to misread.
///
/// Quadratic in the length, so callers bound it first.
enum Base58 {
  private static let alphabet = Array(
    "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".utf8)

  static func encode(_ bytes: [UInt8]) -> String {
    let zeros = bytes.prefix { $0 == 0 }.count
    var digits: [UInt8] = []
    for byte in bytes.dropFirst(zeros) {
      var carry = Int(byte)
      for i in digits.indices {
        carry += Int(digits[i]) << 8
        digits[i] = UInt8(carry % 58)
        carry /= 58
      }
      while carry > 0 {
        digits.append(UInt8(carry % 58))
        carry /= 58
      }
    }
    let ones = Array(repeating: alphabet[0], count: zeros)
    return String(decoding: ones + digits.reversed().map { alphabet[Int($0)] }, as: UTF8.self)
  }

  /// Nil when a character is not in the alphabet.
  static func decode(_ text: some StringProtocol) -> [UInt8]? {
    let zeros = text.utf8.prefix { $0 == alphabet[0] }.count
    var bytes: [UInt8] = []
    for character in text.utf8.dropFirst(zeros) {
      guard let digit = alphabet.firstIndex(of: character) else { return nil }
      var carry = digit
      for i in bytes.indices {
        carry += Int(bytes[i]) * 58
        bytes[i] = UInt8(carry & 255)
        carry >>= 8
      }
      while carry > 0 {
        bytes.append(UInt8(carry & 255))
        carry >>= 8
      }
    }
    return Array(repeating: 0, count: zeros) + bytes.reversed()
  }
}
