// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import FerryStrategies
import Testing

@Suite("Flat AdamW")
struct FlatAdamWTests {
  @Test("cut in ranges anywhere it is the engine's AdamW, what decays and what does not")
  func matches() throws {
    var replica = try TextReplicaTests.replica()
    let layout = replica.layout
    let cuts = [0, 1, 777, layout.count / 2 + 3, layout.count + 20]
    let padding = [Float](repeating: 0, count: 20)
    let start = try replica.parameters() + padding
    var optimizers = zip(cuts, cuts.dropFirst()).map { FlatAdamW(for: $0..<$1, of: layout) }
    var parts = zip(cuts, cuts.dropFirst()).map { Array(start[$0..<$1]) }
    for step in 0..<5 {
      let batch = Batch([UInt64(4 * step)..<UInt64(4 * step + 4)])
      // Small enough that the replica does not clip it.
      let gradient = try replica.gradient(batch).gradient.map { $0 * 0.01 }
      try replica.apply(gradient: gradient, learningRate: 0.01)
      for at in parts.indices {
        optimizers[at].step(
          &parts[at], gradient: Array((gradient + padding)[cuts[at]..<cuts[at + 1]]),
          learningRate: 0.01)
      }
    }
    let expected = try replica.parameters()
    let found = parts.flatMap(\.self)
    let worst = zip(found, expected).map { abs($0 - $1) }.max()!
    #expect(worst < 1e-6)
    #expect(found.suffix(20) == padding[...])
    let moved = zip(expected, start).map { abs($0 - $1) }.max()!
    #expect(moved > 0.03)
  }
}
