// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import Testing

extension EngineTests {
  @Suite("Random keys")
  struct RandomKeyTests {
    let key = RandomKey(Seed(42))

    @Test("give the same numbers every time and everywhere")
    func same() throws {
      // From an independent SplitMix64; exact in f32: integers over a power of two.
      #expect(
        try key.normal(shape: [3], deviation: 1).floats() == [
          -0.3785400390625, -1.0075225830078125, -1.2682647705078125,
        ])
    }

    @Test("give normal numbers of the deviation asked for")
    func normal() throws {
      let numbers = try key.normal(shape: [100_000], deviation: 2).floats()
      let mean = numbers.reduce(0, +) / 100_000
      let square = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 100_000
      #expect(abs(mean) < 0.03)
      #expect(abs(square - 4) < 0.08)
      let within = numbers.count { abs($0) < 2 }
      #expect(abs(within - 68_269) < 1000)
    }

    @Test("split into keys that differ")
    func split() throws {
      let keys = key.split(3)
      #expect(Set(keys + [key]).count == 4)
      #expect(key.derived("a", 1) != key.derived("a", 2))
      #expect(key.split(3) == keys)
    }

    @Test("dropout keeps the mean, drops its share, and repeats itself from its key")
    func dropout() throws {
      let dropout = try Dropout(0.25)
      let ones = try Tensor(repeating: 1, shape: [200, 200])
      let dropped = try dropout(ones, key: key).floats()
      #expect(Set(dropped) == [0, 1 / 0.75])
      #expect(abs(dropped.count { $0 == 0 } - 10_000) < 400)
      #expect(try dropout(ones, key: key).floats() == dropped)
      #expect(try dropout(ones, key: key.split(1)[0]).floats() != dropped)
      #expect(try dropout(ones, key: nil).floats() == ones.floats())
      let error = try #require(throws: LearningError.self) { _ = try Dropout(1) }
      #expect(
        "\(error)"
          == "bad-configuration: a dropout probability of 1.0 (dropout). "
          + "Use a number from 0 up to but not including 1.")
    }
  }
}
