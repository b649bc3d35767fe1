// SPDX-License-Identifier: Apache-2.0

import FerryCollectives
import FerryStrategies
import Testing

@Suite("Data-parallel")
struct DataParallelTests {
  @Test("several members make the step that one makes with all their samples")
  func isOneBigBatch() throws {
    let replica = QuadraticReplica(noise: 0.5, optimizer: .momentum(0.9))
    var group = try LoopbackGroup(
      founders: (1...4).map { toyTrainer($0, DataParallel(), replica: replica) })
    var alone = replica
    for round in 0..<20 as Range<UInt64> {
      try group.run()
      _ = try alone.step(Batch([round * 8..<round * 8 + 8]), learningRate: 0.1)
    }
    let theta = group.trainers[.toy(3)]!.replica.theta
    #expect(zip(theta, alone.theta).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(group.digests.count == 1)
  }

  @Test("a late joiner gets the optimizer's memory too, and stays equal")
  func lateJoiner() throws {
    let replica = QuadraticReplica(noise: 0.5, optimizer: .momentum(0.9))
    var group = try LoopbackGroup(
      founders: (1...2).map { toyTrainer($0, DataParallel(), replica: replica) })
    for _ in 0..<5 { try group.run() }
    try group.join(toyTrainer(3, DataParallel(), replica: replica))
    for _ in 0..<5 {
      try group.run()
      #expect(group.digests.count == 1)
    }
    #expect(group.reported.suffix(3).map(\.weight) == [2, 2, 2])
  }
}
