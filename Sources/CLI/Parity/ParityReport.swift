// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// What `ferry parity` says, for scripts and for people.
package struct ParityReport: Encodable, Sendable {
  package struct Element: Encodable, Sendable {
    let index: Int
    let coordinates: [Int]
    let bits: [String]
    let values: [String]
    let ulps: UInt64?
  }

  package struct Difference: Encodable, Sendable {
    let tensor: String
    /// `only-in-first`, `only-in-second`, `description` or `elements`.
    let kind: String
    /// What the tensor is in the first and the second, as far as it is there.
    let first: String?
    let second: String?
    var differing: Int?
    var elements: Int?
    var nanBoth: Int?
    var nanOne: Int?
    var ulpsMost: UInt64?
    var firstElement: Element?
  }

  package let isEqual: Bool
  let first: String
  let second: String
  let tensors: Int
  let elements: Int
  let differingElements: Int
  let differences: [Difference]

  package init(_ first: TensorShelf, _ second: TensorShelf) throws {
    let parity = try Parity(first, second)
    isEqual = parity.isEqual
    (self.first, self.second) = (first.title, second.title)
    tensors = parity.tensorCount
    elements = parity.elementCount
    differingElements = parity.differingCount
    differences = parity.differences.map(Difference.init)
  }

  /// The most differences that people are shown.
  private static let shownMax = 20

  package var text: String {
    let sides = "A  \(first)\nB  \(second)\n"
    let compared = "\(tensors) tensors, \(elements) elements"
    guard let one = differences.first else {
      return "\(sides)equal, bit for bit: \(compared)\n"
    }
    var table = TextTable([
      ("TENSOR", .leading), ("DIFFERING", .trailing), ("OF", .trailing), ("ULPS", .trailing),
      ("NAN", .trailing), ("FIRST", .leading),
    ])
    for difference in differences.prefix(Self.shownMax) { table.add(difference.row) }
    let rest = differences.count - Self.shownMax
    return """
      \(sides)\
      different: \(one.sentence)
      \(differences.count) tensors differ, \(differingElements) elements; compared: \(compared)

      \(table.text)\(rest > 0 ? "and \(rest) more; --json has all\n" : "")
      """
  }
}

extension ParityReport.Difference {
  fileprivate init(_ difference: Parity.Difference) {
    func say(_ tensor: TensorDescription) -> String { "\(tensor.elementType) \(tensor.shape)" }
    switch difference {
    case .onlyInFirst(let one):
      self.init(tensor: one.name, kind: "only-in-first", first: say(one), second: nil)
    case .onlyInSecond(let other):
      self.init(tensor: other.name, kind: "only-in-second", first: nil, second: say(other))
    case .description(let one, let other):
      self.init(tensor: one.name, kind: "description", first: say(one), second: say(other))
    case .elements(let tensor, let found):
      self.init(tensor: tensor.name, kind: "elements", first: say(tensor), second: say(tensor))
      differing = found.differing
      elements = found.count
      (nanBoth, nanOne, ulpsMost) = (found.nanBoth, found.nanOne, found.ulpsMost)
      firstElement = ParityReport.Element(
        index: found.first.index, coordinates: found.first.coordinates, bits: found.first.bits,
        values: found.first.values, ulps: found.first.ulps)
    }
  }

  /// Where the first difference of a tensor is.
  fileprivate var sentence: String {
    switch (first, second, firstElement) {
    case (_, _, let at?):
      let apart = at.ulps.map { "\($0) ulp apart" } ?? "NaN"
      return """
        tensor "\(tensor)", element \(at.index) (\(coordinates(at))) of \(first ?? ""): \
        A has \(at.bits[0]) = \(at.values[0]), B \(at.bits[1]) = \(at.values[1]), \(apart)
        """
    case (let one?, let other?, nil): return "tensor \"\(tensor)\" is \(one) in A, \(other) in B"
    case (let one?, nil, nil): return "tensor \"\(tensor)\", \(one), is in A alone"
    default: return "tensor \"\(tensor)\", \(second ?? ""), is in B alone"
    }
  }

  private func coordinates(_ element: ParityReport.Element) -> String {
    element.coordinates.map { "\($0)" }.joined(separator: ", ")
  }

  fileprivate var row: [String] {
    guard let at = firstElement, let differing, let elements else {
      let what =
        switch (first, second) {
        case (let one?, let other?): "\(one) in A, \(other) in B"
        case (_?, nil): "in A alone"
        default: "in B alone"
        }
      return [tensor, "", "", "", "", what]
    }
    return [
      tensor, "\(differing)", "\(elements)", ulpsMost.map { "\($0)" } ?? "–",
      "\((nanBoth ?? 0) + (nanOne ?? 0))",
      "(\(coordinates(at))): \(at.bits[0]) \(at.bits[1])",
    ]
  }
}
