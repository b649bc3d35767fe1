// SPDX-License-Identifier: Apache-2.0

/// Reads the file that Debian's `bible-kjv-text` installs: `EC02Compressed Data File`.
///
/// A head (window size, count and offsets as big-endian words), then windows of up to 64 KiB text,
/// each by itself in the code of Unix `compress`: LZW, least significant bits first, from 9 bits up.
package enum CompressedBible {
  private static let magic = Array("EC02Compressed Data File".utf8)
  private static let headOffset = 0x50
  /// The most windows that are read: 64 MiB of text.
  package static let windowsMax = 1024
  /// The most text in a window, in bytes.
  package static let windowBytesMax = 1 << 16

  /// The text, one verse a line, an empty line between chapters, without verse numbers; nil if the
  /// bytes are not such a file.
  package static func text(of file: [UInt8]) -> String? {
    guard let raw = decompressed(file) else { return nil }
    var out: [UInt8] = []
    var chapter: ArraySlice<UInt8>?
    for line in raw.split(separator: 10) {
      // `1Ki3:5 And …`: the reference ends at the first space, the chapter at its colon. The first
      // line is a title and has no reference.
      guard let space = line.firstIndex(of: 32),
        let colon = line[..<space].firstIndex(of: UInt8(ascii: ":"))
      else { continue }
      if let chapter, chapter != line[..<colon] { out.append(10) }
      chapter = line[..<colon]
      out += line[(space + 1)...]
      out.append(10)
    }
    return out.isEmpty ? nil : String(validating: out, as: UTF8.self)
  }

  private static func decompressed(_ file: [UInt8]) -> [UInt8]? {
    guard file.starts(with: magic), file.count >= headOffset + 12 else { return nil }
    let word = { (at: Int) in file[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
    let count = word(headOffset + 8)
    let table = headOffset + 12
    guard (1...windowsMax) ~= count, file.count >= table + 4 * (count + 1) else { return nil }
    var out: [UInt8] = []
    for window in 0..<count {
      let (start, end) = (word(table + 4 * window), word(table + 4 * (window + 1)))
      guard start >= table, start <= end, end <= file.count,
        let text = inflate(file[start..<end])
      else { return nil }
      out += text
    }
    return out
  }

  /// One window; nil when a code names a word that does not exist yet, or the text is too long.
  private static func inflate(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
    let clear = 256
    // Word `code` is word `prefix[code]` and then `last[code]`; the first 256 are single bytes.
    var prefix = Array(repeating: -1, count: 257)
    var last = (0...256).map { UInt8(truncatingIfNeeded: $0) }
    var out: [UInt8] = []
    var word: [UInt8] = []
    var previous: Int?
    var width = 9
    var bit = 0
    // Codes are written in groups of eight; a change of width skips the rest of its group.
    var group = 0
    let skipGroup = { (bit: Int, group: Int, width: Int) in
      group + (bit - group + width * 8 - 1) / (width * 8) * (width * 8)
    }
    while bit + width <= bytes.count * 8 {
      var code = 0
      for offset in 0..<width {
        let at = bit + offset
        code |= Int(bytes[bytes.startIndex + at / 8] >> UInt8(at % 8) & 1) << offset
      }
      bit += width
      if code == clear {
        prefix.removeSubrange(257...)
        last.removeSubrange(257...)
        bit = skipGroup(bit, group, width)
        (group, width, previous) = (bit, 9, nil)
        continue
      }
      // The one word that may be used before it is made: the previous one and its own first byte.
      let isNext = code == prefix.count && previous != nil
      guard code < prefix.count || isNext else { return nil }
      word.removeAll(keepingCapacity: true)
      var part = isNext ? previous! : code
      while part >= 0 {
        word.append(last[part])
        part = prefix[part]
      }
      let first = word[word.count - 1]
      out += word.reversed()
      if isNext { out.append(first) }
      guard out.count <= windowBytesMax else { return nil }
      if let previous, prefix.count < 1 << 16 {
        prefix.append(previous)
        last.append(first)
        if prefix.count >= 1 << width, width < 16 {
          bit = skipGroup(bit, group, width)
          group = bit
          width += 1
        }
      }
      previous = code
    }
    return out
  }
}
