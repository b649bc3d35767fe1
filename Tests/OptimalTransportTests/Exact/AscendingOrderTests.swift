// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Ascending order")
struct AscendingOrderTests {
  @Test("that of a stable sort, for numbers of every size and sign", arguments: seeds(20))
  func agrees(seed: Seed) {
    var random = SplitMix64(seed)
    var values = (0..<Int(seed.value * 37)).map { _ -> Double in
      let value = Double(bitPattern: random.next())
      return value.isFinite && seed.value % 2 == 0
        ? value : Double.random(in: -3...3, using: &random)
    }
    values += [0.0, -0.0, 1, 1, -1, .greatestFiniteMagnitude, -.leastNonzeroMagnitude, 0]
    let expected = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
    #expect(ascendingOrder(of: values).map(Int.init) == expected)
  }
}
