// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs

/// Decoders of values in fewer bytes.
enum Values {
  /// The first byte is the codec, the next two how many values are expected.
  static func codec(_ bytes: [UInt8]) throws {
    guard bytes.count >= 3 else { return }
    let codec = CodecKind.allCases[Int(bytes[0]) % CodecKind.allCases.count].codec()
    let count = Int(bytes[1]) | Int(bytes[2]) << 8
    let payload = Array(bytes.dropFirst(3))
    let values = try codec.decode(payload, count: count)
    var sums = [Float](repeating: 0.5, count: count)
    var view = sums.mutableSpan
    try codec.accumulate(payload.span, into: &view)
    for i in values.indices {
      let expected = 0.5 + values[i]
      precondition(
        sums[i] == expected || (sums[i].isNaN && expected.isNaN), "\(codec.name): value \(i)")
    }
    guard values.allSatisfy(\.isFinite) else { return }
    // What was decoded can be sent on. (Lossy codecs refuse what rounds beyond all floats.)
    guard let said = try? codec.encode(values, seed: Seed(1)) else { return }
    precondition(said.count == codec.byteCount(for: count))
    _ = try codec.decode(said, count: count)
  }

  /// The first bytes are how many there are and the limit; the bytes of indices have one form only.
  static func sparse(_ bytes: [UInt8]) throws {
    guard bytes.count >= 4 else { return }
    let limit = (Int(bytes[0]) | Int(bytes[1]) << 8) + 1
    let indices = SortedIndices(
      count: min(Int(bytes[2]) | Int(bytes[3]) << 8, limit), below: limit)
    let row = Array(bytes.dropFirst(4).prefix(indices.byteCount))
    guard row.count == indices.byteCount, let decoded = indices.decode(row.span) else { return }
    precondition(decoded.count == indices.count && decoded.allSatisfy { $0 < limit })
    precondition(zip(decoded, decoded.dropFirst()).allSatisfy { $0 < $1 })
    var said = [UInt8](repeating: 0xFF, count: row.count)
    var view = said.mutableSpan
    indices.encode(decoded.span, into: &view)
    precondition(said == row, "two forms of the same indices: \(said) \(row)")
  }
}
