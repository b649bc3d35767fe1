// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning
import Testing

@Suite("TransferTable")
struct TransferTableTests {
  /// A machine whose costs are known: a price a byte, a price a block, a price a call.
  private func model(_ way: TransferWay, _ bytes: Int, _ block: Int) -> Double {
    let blocks = Double((bytes + block - 1) / block)
    switch way {
    case .packed: return 5e-6 + Double(bytes) * 5e-10 + blocks * 2e-9
    case .straight: return 5e-6 + Double(bytes) * 2e-10 + blocks * 60e-9
    case .single: return 2e-6 + Double(bytes) * 2e-10 + blocks * 900e-9
    }
  }

  private func measured(bytes: [Int], blocks: [Int]) -> [TransferTime] {
    TransferWay.allCases.flatMap { way in
      bytes.flatMap { bytes in
        blocks.filter { $0 <= bytes }.map { block in
          TransferTime(
            way: way, bytes: bytes, block: block, seconds: model(way, bytes, block))
        }
      }
    }
  }

  private static let bytes = (5...11).map { 1 << (2 * $0) }
  private static let blocks = (0...12).map { 1 << $0 }

  @Test("measured sizes come back as they were")
  func exact() throws {
    let times = measured(bytes: Self.bytes, blocks: Self.blocks)
    let table = try TransferTable(times)
    for time in times {
      let seconds = try #require(table.seconds(time.way, bytes: time.bytes, block: time.block))
      #expect(abs(seconds / time.seconds - 1) < 1e-9)
    }
    #expect(table.ways == [.packed, .straight, .single])
  }

  @Test("between them, the choice is within a tenth of the best for nine sizes in ten")
  func choices() throws {
    let table = try TransferTable(measured(bytes: Self.bytes, blocks: Self.blocks))
    var random = SplitMix64(Seed(4))
    var times: [TransferTime] = []
    for _ in 0..<200 {
      let bytes = Int.random(in: 1 << 10...1 << 22, using: &random)
      let block =
        1 << Int.random(in: 0...12, using: &random) + Int.random(in: 0...3, using: &random)
      times += measured(bytes: [bytes], blocks: [min(block, bytes)])
    }
    let score = table.score(times, slack: 0.1)
    #expect(score.sizes > 190 && score.good * 10 >= score.sizes * 9, "\(score)")
    #expect(table.choice(bytes: 1 << 20, block: 4).way == .packed)
    #expect(table.choice(bytes: 1 << 20, block: 4096).way == .straight)
    #expect(table.choice(bytes: 1024, block: 1024).way == .single)
  }

  @Test("a choice that is always the slowest scores nothing")
  func worst() throws {
    let upsideDown = measured(bytes: Self.bytes, blocks: Self.blocks).map {
      TransferTime(way: $0.way, bytes: $0.bytes, block: $0.block, seconds: 1 / $0.seconds)
    }
    let score = try TransferTable(upsideDown)
      .score(measured(bytes: [100_000], blocks: [1, 64, 4096]), slack: 0.1)
    #expect(score.sizes == 3 && score.good == 0)
  }

  @Test("beyond the largest size time grows with bytes, below the smallest it stays")
  func outside() throws {
    let table = try TransferTable([
      TransferTime(way: .packed, bytes: 1024, block: 64, seconds: 1e-6),
      TransferTime(way: .packed, bytes: 4096, block: 64, seconds: 4e-6),
    ])
    let larger = try #require(table.seconds(.packed, bytes: 16_384, block: 64))
    let smaller = try #require(table.seconds(.packed, bytes: 16, block: 64))
    #expect(abs(larger / 16e-6 - 1) < 1e-9 && abs(smaller / 1e-6 - 1) < 1e-9)
    #expect(table.seconds(.straight, bytes: 1024, block: 64) == nil)
    #expect(table.choice(bytes: 2048, block: 64).way == .packed)
  }

  @Test("no times, times that are none, and times given twice are refused")
  func refused() {
    let one = TransferTime(way: .single, bytes: 8, block: 4, seconds: 1)
    let cases: [([TransferTime], String)] = [
      ([], "0 measurements, not 1 to 100000"),
      ([one, one], "single of 8 bytes in blocks of 4 is there twice"),
      (
        [TransferTime(way: .packed, bytes: 8, block: 4, seconds: 0)],
        "packed took 0.0 s for 8 bytes in blocks of 4"
      ),
    ]
    for (times, what) in cases {
      let error = #expect(throws: PlanningError.self) { try TransferTable(times) }
      #expect(error?.what == what)
    }
  }
}
