// SPDX-License-Identifier: Apache-2.0

import FerryPlanning
import Testing

@Suite("Nest")
struct NestTests {
  @Test("ranks have their places, fellows and levels")
  func places() throws {
    let nest = try Nest([2, 4, 2])
    #expect(nest.world == 16 && nest.widths == [1, 2, 8, 16])
    #expect((0..<3).map { nest.place(of: 11, at: $0) } == [1, 1, 1])
    #expect(nest.fellows(of: 11, between: 0..<1) == [10, 11])
    #expect(nest.fellows(of: 11, between: 0..<2) == Array(8..<16))
    #expect(nest.fellows(of: 11, between: 1..<2) == [9, 11, 13, 15])
    #expect(nest.fellows(of: 11, between: 2..<3) == [3, 11])
    #expect(nest.level(between: 11, 10) == 0 && nest.level(between: 11, 9) == 1)
    #expect(nest.level(between: 11, 0) == 2 && nest.level(between: 11, 8) == 1)
    #expect(nest.level(between: 11, 3) == 2 && nest.level(between: 11, 11) == nil)
  }

  @Test("fellows are those at whose levels alone ranks differ, in any nest")
  func fellows() throws {
    for sizes in [[3], [1, 5], [2, 3, 2], [2, 1, 3, 2]] {
      let nest = try Nest(sizes)
      for rank in 0..<nest.world {
        for inner in 0..<nest.levels {
          for outer in inner + 1...nest.levels {
            let expected = (0..<nest.world).filter { other in
              sizes.indices.allSatisfy {
                (inner..<outer).contains($0)
                  || nest.place(of: rank, at: $0) == nest.place(of: other, at: $0)
              }
            }
            #expect(nest.fellows(of: rank, between: inner..<outer) == expected)
          }
        }
      }
    }
  }

  @Test("groups of one size make a nest; uneven ones, and those that are no runs, are refused")
  func groups() throws {
    let pairs = [[0, 1], [2, 3], [4, 5], [6, 7]]
    #expect(try Nest(groups: [pairs]).sizes == [2, 4])
    #expect(try Nest(groups: [pairs, [[0, 1, 2, 3], [4, 5, 6, 7]]]).sizes == [2, 2, 2])
    func what(_ body: () throws -> Nest) -> String? {
      do { return "\(try body().sizes)" } catch { return "\(error)" }
    }
    #expect(
      what { try Nest(groups: [[[0, 1], [2]]]) }
        == "nest-uneven: the groups of level 0 have [2, 1] ranks (the nest of ranks). Leave ranks "
        + "out until all groups of a level are of one size.")
    #expect(
      what { try Nest(groups: [[[0, 2], [1, 3]]]) }
        == "nest-uneven: the groups of level 0 are [[0, 2], [1, 3]] (the nest of ranks). Number "
        + "ranks so that each group is a run of them, and those within it are whole.")
    #expect(
      what { try Nest([2, 0]) }
        == "nest-uneven: levels of [2, 0] (the nest of ranks). Give 1 to 4 sizes of at least 1, at "
        + "most 65536 ranks in all.")
    for sizes in [[], [1, 1, 1, 1, 1], [300, 300], [Int.max, 4]] {
      #expect(throws: PlanningError.self) { try Nest(sizes) }
    }
  }
}
