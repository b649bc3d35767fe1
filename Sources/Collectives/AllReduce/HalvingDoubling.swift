// SPDX-License-Identifier: Apache-2.0

/// Recursive halving and doubling: partners at half the distance each time exchange halves of what
/// they still sum, and then, back again, what is finished.
///
/// `2 log₂ P` messages a rank among `P`, the largest power of two of the contributors; with the bytes
/// of a ring. Contributors beyond `P` hand theirs to one of the first `P` before, and they and the
/// ranks of weight 0 get the result after. Every step rounds once with a lossy codec.
///
/// - Note: Rabenseifner 2004; Thakur, Rabenseifner and Gropp 2005, §4.
enum HalvingDoubling {
  static func machine<Element: CollectiveElement>(
    _ given: Given<Element>, in terms: Reduction
  ) -> Staged<Element> {
    let count = given.count
    let core = 1 << (Int.bitWidth - 1 - terms.contributors.count.leadingZeroBitCount)
    let levels = core.trailingZeroBitCount
    let partners = Array(terms.contributors.prefix(core))
    let extras = Array(terms.contributors.dropFirst(core))
    let listeners = (0..<terms.world).filter { terms.weights[$0] == 0 }
    let all = 0..<count
    let last = 2 * levels + 1

    var stages: [Stage] = []
    var completion = (stage: -1, range: all)
    if let index = partners.firstIndex(of: terms.rank) {
      if index < extras.count {
        stages.append(
          Stage(
            number: 0, phase: .reduceScatter, from: extras[index], receives: all, folds: true))
      }
      let segments = Segments.even(count, in: core)
      /// The values of the segments that are left at a level to the `index`-th.
      func range(_ level: Int, _ index: Int) -> Range<Int> {
        let width = core >> level
        let first = index / width * width
        return segments[first].lowerBound..<segments[first + width - 1].upperBound
      }
      for level in 0..<levels {
        let partner = index ^ (core >> (level + 1))
        stages.append(
          Stage(
            number: 1 + level, phase: .reduceScatter, to: [partners[partner]],
            sends: range(level + 1, partner), from: partners[partner],
            receives: range(level + 1, index), folds: true))
      }
      completion = (stages.count, range(levels, index))
      for level in (0..<levels).reversed() {
        let partner = index ^ (core >> (level + 1))
        stages.append(
          Stage(
            number: 2 * levels - level, phase: .allGather, to: [partners[partner]],
            sends: range(level + 1, index), from: partners[partner],
            receives: range(level + 1, partner)))
      }
      if !extras.isEmpty || !listeners.isEmpty {
        var to = index < extras.count ? [extras[index]] : []
        to += listeners.enumerated().filter { $0.offset % core == index }.map(\.element)
        stages.append(Stage(number: last, phase: .allGather, to: to, sends: all))
      }
    } else {
      let place: Int
      if let extra = extras.firstIndex(of: terms.rank) {
        place = extra
        stages.append(
          Stage(number: 0, phase: .reduceScatter, to: [partners[extra]], sends: all))
      } else {
        place = listeners.firstIndex(of: terms.rank)! % core
      }
      stages.append(
        Stage(number: last, phase: .allGather, from: partners[place], receives: all))
    }
    return Staged(
      Gathered(terms.scaled(given).values()), stages: stages, completion: completion, terms: terms,
      pieceElements: terms.pieceElements(of: count, as: Element.self))
  }
}
