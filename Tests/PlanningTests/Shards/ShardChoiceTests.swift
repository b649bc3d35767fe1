// SPDX-License-Identifier: Apache-2.0

import FerryPlanning
import Testing

@Suite("Shard choice")
struct ShardChoiceTests {
  private func choice(_ count: Double, memory: Double) throws -> (name: String?, ShardChoice) {
    let choice = try ShardChoice(
      count: count, over: Nest([2, 4, 48]), speeds: [200e9, 75e9, 12.5e9], memory: memory)
    return (choice.chosen.map { choice.rows[$0].scheme.name }, choice)
  }

  @Test("what fits plainly stays plain; else the fastest that fits")
  func chooses() throws {
    // 16 bytes a parameter for data-parallel, 4 and a 32nd for ZeRO-1, 1.28 for three levels.
    #expect(try choice(1e9, memory: 64e9).name == "data-parallel")
    #expect(try choice(10e9, memory: 64e9).name == "zero-1")
    #expect(try choice(20e9, memory: 64e9).name == "nested")
    #expect(try choice(60e9, memory: 64e9).name == "zero++")
    #expect(try choice(500e9, memory: 64e9).name == "zero-3")
    let (none, all) = try choice(5e12, memory: 64e9)
    #expect(none == nil && all.rows.allSatisfy { !$0.fits } && all.rows.count == 8)
  }

  @Test("the choice is the fastest of its kind, whatever the model and the memory")
  func fastest() throws {
    for count in [1e6, 3e8, 2e9, 7e9, 30e9, 2e11] {
      for memory in [1e9, 16e9, 64e9, 512e9] {
        let (_, all) = try choice(count, memory: memory)
        guard let chosen = all.chosen else {
          #expect(all.rows.allSatisfy { $0.cost.memory > memory })
          continue
        }
        let row = all.rows[chosen]
        #expect(row.fits && row.cost.memory <= memory)
        let isPlain = row.scheme.gradients == 0 && !row.scheme.isQuantized
        for other in all.rows where other.fits {
          let isOtherPlain = other.scheme.gradients == 0 && !other.scheme.isQuantized
          #expect(isPlain || !isOtherPlain)
          #expect(isPlain != isOtherPlain || row.seconds <= other.seconds)
        }
      }
    }
  }

  @Test("figures that cannot be are refused")
  func refused() throws {
    let nest = try Nest([2, 2])
    func what(_ count: Double, _ speeds: [Double], _ memory: Double, _ batches: Int = 1) -> String?
    {
      do {
        _ = try ShardChoice(
          count: count, over: nest, speeds: speeds, memory: memory, batches: batches)
        return nil
      } catch { return error.what }
    }
    #expect(what(1e9, [1e9], 1e9) == "1 speeds for 2 levels")
    #expect(what(1e9, [1e9, 0], 1e9) == "speeds of [1000000000.0, 0.0] bytes a second")
    #expect(
      what(1e9, [1e9, .nan], 1e9) == "speeds of [1000000000.0, nan] bytes a second")
    #expect(
      what(0, [1e9, 1e9], 1e9) == "0.0 parameters, 1000000000.0 bytes of memory, 1 micro-batches")
    #expect(what(.nan, [1e9, 1e9], 1e9) != nil && what(1e9, [1e9, 1e9], .infinity) != nil)
    #expect(what(1e9, [1e9, 1e9], 1e9, 0) != nil && what(1e9, [1e9, 1e9], 1e9, 5000) != nil)
  }
}
