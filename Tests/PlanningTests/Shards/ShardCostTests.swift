// SPDX-License-Identifier: Apache-2.0

import FerryPlanning
import Testing

/// Frontier's links: dies of a card, cards of a host, hosts; bytes a second of a rank.
@Suite("Shard cost")
struct ShardCostTests {
  static let speeds = [200e9, 75e9, 12.5e9]
  static let parameters = 20e9

  /// ZeRO's parts one after the other: int8 weights before the forward pass, a copy of them in each
  /// host, int4 gradients.
  static func parts(_ nest: Nest) -> [ShardScheme] {
    let zero3 = ShardScheme(.zero3, over: nest)
    var qwZ = zero3
    qwZ.forward = .int8
    var hpZ = ShardScheme(.hpZ, over: nest)
    (hpZ.forward, hpZ.returned) = (.int8, .int8)
    return [zero3, qwZ, hpZ, ShardScheme(.zeroPlusPlus, over: nest)]
  }

  @Test(
    "what crosses hosts is 3, 2.5, 1.5 and 0.75 of the model, as ZeRO++ counts, and the steps of codes"
  )
  func crossings() throws {
    for sizes in [[2, 4, 2], [2, 4, 48], [8, 4]] {
      let nest = try Nest(sizes)
      let found = Self.parts(nest).map {
        ShardCost($0, count: Self.parameters, over: nest)
          .crossings(count: Self.parameters, over: nest)
      }
      for (value, expected) in zip(found, [3, 2.5, 1.5, 0.75]) {
        #expect(abs(value / expected - 1) < 0.02, "\(sizes): \(found)")
      }
      #expect(found[3] <= 0.27 * found[0])
    }
  }

  @Test("three levels hold and send what the paper's formulas say")
  func nested() throws {
    let nest = try Nest([2, 4, 48])
    let (psi, hosts) = (Self.parameters, 47.0 / 48)
    let cost = ShardCost(ShardScheme(.nested, over: nest), count: psi, over: nest)
    #expect(abs(cost.memory - (2 * psi / 2 + 2 * psi / 8 + 12 * psi / 384)) < 1)
    // A quarter of the gradients' eighth and a half of the weights' in values of two bytes, and the
    // steps of their blocks: 4 bytes in 256 values, and in 2048.
    let (four, eight) = (0.5 + 4.0 / 256, 1 + 4.0 / 2048)
    let across = (four * psi / 8 + eight * psi / 8) * hosts
    // Within a host: gradients to six ranks of other cards, weights for the pair's half.
    let within = four * psi / 8 * 6 + eight * psi / 2 * 3 / 4
    // Within a pair: two gathers of the other half, and its eighth of the gradients.
    let pair = 2 * eight * psi / 2 + four * psi / 8
    for (found, expected) in zip(cost.bytes, [pair, within, across]) {
      #expect(abs(found / expected - 1) < 1e-12)
    }
  }

  @Test("time is the sum of transfers, each as long as its slowest link")
  func time() throws {
    let nest = try Nest([2, 4, 2])
    let plain = ShardCost(
      ShardScheme(.zero1, over: nest).sending(.float32), count: 16e9, over: nest)
    // Gradients 2 GB·4 to each of 6 and 1, 8 slices of 4 GB across, then weights back.
    let within = 16e9 * 4 / 8 * 6 / 75e9
    let across = 16e9 * 4 / 16 / 12.5e9
    let back = across + 16e9 * 4 * (0.5 - 0.125) / 75e9 + 16e9 * 4 * 0.5 / 200e9
    #expect(abs(plain.seconds(at: Self.speeds) / (within + across + back) - 1) < 1e-12)
  }

  @Test("three levels are 1.5 times as fast as ZeRO++, but for one batch a step on many hosts")
  func comparison() throws {
    func ratio(_ hosts: Int, _ batches: Int) throws -> Double {
      let nest = try Nest([2, 4, hosts])
      let seconds = [ShardScheme.Kind.zeroPlusPlus, .nested].map {
        ShardCost(
          ShardScheme($0, over: nest), count: Self.parameters, over: nest, batches: batches
        ).seconds(at: Self.speeds)
      }
      return seconds[0] / seconds[1]
    }
    for batches in 1...16 {
      #expect(try ratio(2, batches) >= 1.5)
      #expect(try ratio(48, batches) >= 1.5 || batches == 1)
    }
    #expect(try abs(ratio(48, 1) - 1.416) < 0.001)
    #expect(try abs(ratio(48, 2) - 1.872) < 0.001)
    #expect(try abs(ratio(48, 8) - 2.684) < 0.001)
  }
}
