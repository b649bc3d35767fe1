// SPDX-License-Identifier: Apache-2.0

// What the C loops mean, element by element: slow, and what they are tested against.
extension Int4Blocks {
  func encodePlainly(
    _ values: Span<Float>, _ rounding: Rounding, _ codes: inout MutableSpan<UInt8>
  ) -> Int? {
    var at = 0
    for (number, start) in stride(from: 0, to: values.count, by: block).enumerated() {
      let range = start..<min(start + block, values.count)
      if let bad = range.first(where: { !values[$0].isFinite }) { return bad }
      let step = Self.step(peak: range.reduce(0) { max($0, values[$1].magnitude) })
      for byte in 0..<4 {
        codes[at + byte] = UInt8(truncatingIfNeeded: step.bitPattern >> (8 * byte))
      }
      at += 4
      let half = (range.count + 1) / 2
      for byte in at..<at + half { codes[byte] = 0 }
      for index in range {
        let place = index - start
        let scaled = step == 0 ? 0 : values[index] * (1 / step)
        let code = rounding.plainCode(scaled, number: number, place: place)
        let nibble = UInt8(bitPattern: Int8(max(-7, min(7, code)))) & 15
        codes[at + place % half] |= place < half ? nibble : nibble << 4
      }
      at += half
    }
    return nil
  }

  func decodePlainly(_ codes: Span<UInt8>, count: Int, _ put: (Int, Float) -> Void) {
    var at = 0
    for start in stride(from: 0, to: count, by: block) {
      let elements = min(block, count - start)
      let half = (elements + 1) / 2
      let step = step(in: codes, at: at)
      at += 4
      for place in 0..<elements {
        let byte = codes[at + place % half]
        // The upper half of a byte, moved down with its sign.
        put(
          start + place, Float(Int8(bitPattern: place < half ? byte << 4 : byte & 0xf0) >> 4) * step
        )
      }
      at += half
    }
  }

  func firstUnsoundPlainly(_ codes: Span<UInt8>, _ count: Int) -> Int? {
    var at = 0
    for start in stride(from: 0, to: count, by: block) {
      let elements = min(block, count - start)
      let step = step(in: codes, at: at)
      at += 4
      let bytes = at..<at + (elements + 1) / 2
      at = bytes.upperBound
      let isZero = step.bitPattern == 0
      guard isZero || (step >= Self.stepMin && step <= Self.stepMax) else { return start }
      if isZero, bytes.contains(where: { codes[$0] != 0 }) { return start }
      if bytes.contains(where: { codes[$0] & 15 == 8 || codes[$0] >> 4 == 8 }) { return start }
      if elements % 2 == 1, codes[at - 1] >> 4 != 0 { return start }
    }
    return nil
  }

  private func step(in codes: Span<UInt8>, at: Int) -> Float {
    Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(codes[at + $1]) << (8 * $1) })
  }
}
