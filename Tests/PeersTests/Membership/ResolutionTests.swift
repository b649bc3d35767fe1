// SPDX-License-Identifier: Apache-2.0

import FerryPeers
import Testing

@Suite("Resolution")
struct ResolutionTests {
  private let view = View(number: 4, members: (0..<4).map(Member.numbered))

  private func resolve(_ standings: [Standing]) -> Resolution {
    Resolution(
      of: Dictionary(uniqueKeysWithValues: zip(view.members, standings)), in: view)
  }

  private func holding(_ round: UInt64, _ digest: UInt8 = 1) -> Standing {
    Standing(
      committed: round - 1, stateDigest: [7],
      held: HeldResult(round: round, view: 4, digest: [digest]))
  }

  private func at(_ round: UInt64, _ digest: [UInt8] = [7]) -> Standing {
    Standing(committed: round, stateDigest: digest)
  }

  private func members(_ ranks: Int...) -> Set<Member> { Set(ranks.map { view.members[$0] }) }

  @Test("a result that all who answer hold stands")
  func held() {
    let result = resolve([holding(8), holding(8), holding(8)])
    #expect(result.committed == 8 && result.resultDigest == [1])
    #expect(result.able == members(0, 1, 2))
  }

  @Test("a result that one of them lacks is repeated by all")
  func lacking() {
    let result = resolve([holding(8), at(7), holding(8)])
    #expect(result.committed == 7 && result.resultDigest == [])
    #expect(result.able == members(0, 1, 2))
  }

  @Test("a result that two hold differently is repeated")
  func differing() {
    let result = resolve([holding(8, 1), holding(8, 2)])
    #expect(result.committed == 7 && result.able == members(0, 1))
  }

  @Test("what one has committed the others, who all hold it, commit too")
  func committed() {
    let result = resolve([holding(8), at(8), holding(8)])
    #expect(result.committed == 8 && result.resultDigest == [1])
    #expect(result.able == members(0, 1, 2))
  }

  @Test("who neither has the round nor holds it is left out")
  func behind() {
    let result = resolve([at(8), at(6), at(8), holding(8)])
    #expect(result.committed == 8 && result.able == members(0, 2, 3))
  }

  @Test("a state that is not the majority's is left out; among as many the senior's stays")
  func odd() {
    #expect(resolve([at(8, [1]), at(8, [2]), at(8, [2])]).able == members(1, 2))
    #expect(resolve([at(8, [1]), at(8, [2])]).able == members(0))
    #expect(resolve([at(8, [1]), at(8, [2]), at(8, [1]), at(8, [2])]).able == members(0, 2))
  }

  @Test("a state not yet known is not held against anybody")
  func unknown() {
    #expect(resolve([at(8, []), at(8, [2]), at(8, [])]).able == members(0, 1, 2))
  }

  @Test("a result of an old round counts for nothing")
  func stale() {
    var standing = at(8)
    standing.held = HeldResult(round: 8, view: 3, digest: [1])
    let result = resolve([standing, at(8)])
    #expect(result.committed == 8 && result.resultDigest == [])
  }
}
