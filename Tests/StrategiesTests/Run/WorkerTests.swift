// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryPeers
import FerryStrategies
import Testing

@Suite("Worker")
struct WorkerTests {
  @Test("the round that a group opens after the last is told to nobody")
  func lastRound() throws {
    let inbox = Inbox<RunNotice>()
    var told: [UInt64] = []
    let worker = Worker(
      trainer: toyTrainer(1, DiLoCo(localSteps: 1), rounds: 1), inbox: inbox, post: { _ in },
      observe: { if case .opened(let round) = $0 { told.append(round) } }, save: { _, _ in },
      examine: { _, _ in })
    try worker.found(resuming: nil)
    let view = View(number: 1, members: [.toy(1)])
    inbox.put(.group(.opened(round: 1, view: view)))
    inbox.put(
      .group(
        .committed(
          RoundOutcome(
            round: 1, view: view,
            contributors: [Contributor(member: .toy(1), weight: 0, note: [])],
            values: Array(repeating: 0, count: 6)))))
    inbox.put(.group(.opened(round: 2, view: view)))
    #expect(try worker.run { false })
    #expect(told == [1])
    #expect(worker.trainer.round == 1)
  }
}
