// SPDX-License-Identifier: Apache-2.0

// What the C loops mean, element by element: slow, and what they are tested against.
extension Int8Blocks {
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
      for index in range {
        let scaled = step == 0 ? 0 : values[index] * (1 / step)
        let code = rounding.plainCode(scaled, number: number, place: index - start)
        codes[at] = UInt8(bitPattern: Int8(max(-127, min(127, code))))
        at += 1
      }
    }
    return nil
  }

  func decodePlainly(_ codes: Span<UInt8>, count: Int, _ put: (Int, Float) -> Void) {
    var at = 0
    for start in stride(from: 0, to: count, by: block) {
      let step = step(in: codes, at: at)
      at += 4
      for index in start..<min(start + block, count) {
        put(index, Float(Int8(bitPattern: codes[at])) * step)
        at += 1
      }
    }
  }

  func firstUnsoundPlainly(_ codes: Span<UInt8>, _ count: Int) -> Int? {
    var at = 0
    for start in stride(from: 0, to: count, by: block) {
      let step = step(in: codes, at: at)
      let sound = step.bitPattern == 0 || (step >= Self.stepMin && step <= Self.stepMax)
      at += 4
      let end = at + min(block, count - start)
      if !sound || (at..<end).contains(where: { codes[$0] == 0x80 }) { return start }
      at = end
    }
    return nil
  }

  private func step(in codes: Span<UInt8>, at: Int) -> Float {
    Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(codes[at + $1]) << (8 * $1) })
  }
}
