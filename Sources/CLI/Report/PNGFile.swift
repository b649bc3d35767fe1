// SPDX-License-Identifier: Apache-2.0

package import FerryRecipes
import Foundation

/// A picture as a PNG file (ISO/IEC 15948), its bytes stored and not compressed: for small ones.
package enum PNGFile {
  /// The file's bytes.
  package static func encode(_ picture: Picture) -> [UInt8] {
    var lines: [UInt8] = []
    lines.reserveCapacity(picture.bytes.count + picture.height)
    let stride = 3 * picture.width
    for row in 0..<picture.height {
      // Each line begins with its filter: none.
      lines.append(0)
      lines += picture.bytes[row * stride..<(row + 1) * stride]
    }
    // 8 bits of red, green and blue; no interlacing.
    let header = word(picture.width) + word(picture.height) + [8, 2, 0, 0, 0]
    return [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
      + chunk("IHDR", header) + chunk("IDAT", stored(lines)) + chunk("IEND", [])
  }

  /// `data:image/png;base64,…`, for a page that needs no other file.
  package static func link(_ picture: Picture) -> String {
    "data:image/png;base64," + Foundation.Data(encode(picture)).base64EncodedString()
  }

  private static func word(_ value: Int) -> [UInt8] {
    let value = UInt32(truncatingIfNeeded: value)
    return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  private static func chunk(_ name: String, _ body: [UInt8]) -> [UInt8] {
    let named = Array(name.utf8) + body
    return word(body.count) + named + word(Int(crc(named)))
  }

  /// A zlib stream (RFC 1950) of stored blocks (RFC 1951, section 3.2.4).
  private static func stored(_ bytes: [UInt8]) -> [UInt8] {
    let blockMost = 65_535
    var stream: [UInt8] = [0x78, 0x01]
    var start = 0
    repeat {
      let end = min(start + blockMost, bytes.count)
      let count = UInt16(end - start)
      stream.append(end == bytes.count ? 1 : 0)
      for value in [count, ~count] {
        stream += [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
      }
      stream += bytes[start..<end]
      start = end
    } while start < bytes.count
    var (low, high) = (UInt32(1), UInt32(0))
    for byte in bytes {
      low = (low + UInt32(byte)) % 65_521
      high = (high + low) % 65_521
    }
    return stream + word(Int(high << 16 | low))
  }

  private static let crcTable: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in
      value & 1 == 1 ? 0xedb8_8320 ^ value >> 1 : value >> 1
    }
  }

  private static func crc(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { crcTable[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
  }
}
