// SPDX-License-Identifier: Apache-2.0

/// Appends fixed-width little-endian fields.
package struct ByteWriter {
  /// What was written so far.
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package mutating func append(_ word: some FixedWidthInteger & UnsignedInteger) {
    for shift in stride(from: 0, to: word.bitWidth, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: word >> shift))
    }
  }

  package mutating func append(_ hash: ContentHash) { bytes += hash.bytes }

  package mutating func append(_ text: String) {
    append(UInt16(text.utf8.count))
    bytes += Array(text.utf8)
  }

  package mutating func append(_ set: IntervalSet) {
    append(UInt32(set.ranges.count))
    for range in set.ranges {
      append(range.lowerBound)
      append(range.upperBound)
    }
  }
}

/// Takes fixed-width little-endian fields from untrusted bytes; every length is checked first.
package struct ByteReader {
  private let bytes: [UInt8]
  private let place: String
  private var offset = 0

  /// Reads `bytes`, which errors call `place`.
  package init(_ bytes: [UInt8], place: String) {
    self.bytes = bytes
    self.place = place
  }

  package mutating func word<Word: FixedWidthInteger & UnsignedInteger>(
    _ type: Word.Type, _ field: String
  ) throws(DataError) -> Word {
    let width = Word.bitWidth / 8
    try require(width, field)
    var word: Word = 0
    for index in 0..<width { word |= Word(bytes[offset + index]) << (8 * index) }
    offset += width
    return word
  }

  /// A count of things that take at least `widthMin` bytes each, so that it cannot promise more
  /// than is there.
  package mutating func count(
    max: Int, widthMin: Int, _ field: String
  ) throws(DataError) -> Int {
    let count = Int(try word(UInt32.self, field))
    guard count <= max else { throw damaged("\(count) \(field), more than \(max)") }
    try require(count * widthMin, field)
    return count
  }

  package mutating func hash(_ field: String) throws(DataError) -> ContentHash {
    try require(ContentHash.byteCount, field)
    defer { offset += ContentHash.byteCount }
    return ContentHash(bytes: bytes[offset..<offset + ContentHash.byteCount])!
  }

  package mutating func text(
    byteCountMax: Int, _ field: String
  ) throws(DataError) -> String {
    let count = Int(try word(UInt16.self, field))
    guard count <= byteCountMax else {
      throw damaged("\(field) of \(count) bytes, more than \(byteCountMax)")
    }
    try require(count, field)
    defer { offset += count }
    guard let text = String(validating: bytes[offset..<offset + count], as: UTF8.self) else {
      throw damaged("\(field) is not UTF-8")
    }
    return text
  }

  package mutating func intervals(_ field: String) throws(DataError) -> IntervalSet {
    let ranges = try count(max: IntervalSet.rangesMax, widthMin: 16, field)
    var set = IntervalSet()
    for _ in 0..<ranges {
      let lower = try word(UInt64.self, field)
      let upper = try word(UInt64.self, field)
      guard set.append(lower, upper) else { throw damaged("\(field) are not in order and apart") }
    }
    return set
  }

  package func finish() throws(DataError) {
    guard offset == bytes.count else {
      throw damaged("\(bytes.count - offset) bytes follow its end")
    }
  }

  package func damaged(_ what: String) -> DataError {
    DataError(
      .ledgerDamaged, what, at: "\(place), byte \(offset)",
      remedy: "Resume from an earlier checkpoint, or fetch the state from a peer again.")
  }

  private func require(_ count: Int, _ field: String) throws(DataError) {
    guard count <= bytes.count - offset else {
      throw damaged("it ends inside its \(field)")
    }
  }
}
