// SPDX-License-Identifier: Apache-2.0

import FerryPCCL
import Testing

@Suite("State election")
struct StateElectionTests {
  private func offer(
    _ contents: [UInt8], revision: UInt64 = 0, _ strategy: StateOffer.Strategy = .enforcePopular,
    layout: [UInt8] = [0], mayDiffer: Set<Int> = []
  ) -> StateOffer {
    StateOffer(
      revision: revision, strategy: strategy, layout: layout,
      tensors: contents.enumerated().map { index, content in
        .init(byteCount: 4, digest: [content], mayDiffer: mayDiffer.contains(index))
      })
  }

  private func copies(_ offers: [StateOffer], after last: UInt64? = nil) throws
    -> [StateElection.Copy]
  { try StateElection(offers, after: last).outcome.get().copies }

  @Test("what most hold is what the others copy, only where it differs")
  func popular() throws {
    let offers = [offer([1, 9]), offer([1, 2]), offer([1, 2])]
    #expect(try copies(offers) == [.init(source: 1, target: 0, tensors: [1])])
    #expect(try copies([offer([1]), offer([1])]).isEmpty)
  }

  @Test("those who hold it share the work")
  func shared() throws {
    let copies = try copies([offer([7]), offer([1]), offer([1]), offer([8])])
    #expect(copies.map(\.source) == [1, 2] && copies.map(\.target) == [0, 3])
  }

  @Test("the revision that is due counts, not the highest")
  func revisions() throws {
    let offers = [offer([1], revision: 90), offer([2], revision: 5), offer([3], revision: 4)]
    let due = try StateElection(offers, after: 4).outcome.get()
    #expect(due.revision == 5 && due.copies.map(\.target) == [0, 2])
    #expect(try StateElection(offers, after: 3).outcome.get().revision == 4)
    #expect(try StateElection(offers, after: nil).outcome.get().revision == 90)
  }

  @Test("a sender's state is everybody's, a receiver's nobody's")
  func strategies() throws {
    let offers = [offer([1], .receiveOnly), offer([2], .sendOnly), offer([1], .receiveOnly)]
    #expect(try copies(offers).map(\.target) == [0, 2])
    #expect(throws: StateElection.Refusal.nobodyOffers) {
      try copies([offer([1], .receiveOnly)])
    }
    #expect(throws: StateElection.Refusal.strategiesClash) {
      try copies([offer([1], .sendOnly), offer([2], .sendOnly)])
    }
    #expect(throws: StateElection.Refusal.strategiesClash) {
      try copies([offer([1], .sendOnly), offer([1])])
    }
    #expect(throws: StateElection.Refusal.layoutsDiffer) {
      try copies([offer([1]), offer([1], layout: [1])])
    }
  }

  @Test("a tensor that may differ is copied with a new revision alone")
  func mayDiffer() throws {
    let equal = [offer([1, 5], mayDiffer: [1]), offer([1, 6], mayDiffer: [1])]
    #expect(try copies(equal).isEmpty)
    let outdated = [
      offer([1, 5], revision: 2, mayDiffer: [1]), offer([1, 6], revision: 1, mayDiffer: [1]),
    ]
    #expect(try copies(outdated) == [.init(source: 0, target: 1, tensors: [1])])
  }
}
