// SPDX-License-Identifier: Apache-2.0

/// A published model of which genes switch which: a Boolean rule for each gene, and how strongly each
/// gene that the rule names acts.
public struct GeneNetwork: Sendable, Equatable {
  /// One gene.
  package struct Gene: Sendable, Equatable {
    /// Its name.
    package let name: String
    /// When it is on.
    package let rule: BooleanRule
    /// The genes its rule names, by index.
    package let parents: [Int]
    /// How strongly each of them acts; the sign says nothing that the rule does not.
    package let couplings: [Double]
  }

  /// In the file's order.
  package let genes: [Gene]
  /// What part of the way to its rule's value a gene goes in a step, above 0, at most 1.
  package let rate: Double
  /// How many steps the published runs take.
  package let steps: Int

  /// More genes than this in one rule are refused: the rule's table doubles with each.
  private static let parentsMax = 10
  /// More steps than this are refused.
  private static let stepsMax = 100_000

  /// The index of a gene.
  ///
  /// - Throws: `.dataDamaged` where there is no such gene.
  func index(of name: String) throws(RecipeError) -> Int {
    guard let index = genes.firstIndex(where: { $0.name == name }) else {
      throw RecipeError(
        .dataDamaged, "there is no gene \"\(name)\"", at: "gene network",
        remedy: "There are: \(genes.map(\.name).joined(separator: ", ")).")
    }
    return index
  }

  /// Reads a network: lines `gene = rule`, then lines `gene gene coupling` of which the second acts on
  /// the first; and in another file lines `name = value`, of which `tmax` is read.
  ///
  /// - Parameter place: the file, for errors.
  /// - Throws: `.dataDamaged`, with the line.
  package init(
    rules bytes: [UInt8], parameters: [UInt8], place: String
  ) throws(RecipeError) {
    var names: [String] = []
    var rules: [BooleanRule] = []
    var lines: [Int] = []
    var couplings: [String: [String: Double]] = [:]
    var rate = Double.nan
    func trouble(_ what: String, line: Int) -> RecipeError {
      RecipeError(
        .dataDamaged, what, at: "\(place), line \(line)",
        remedy: "Rules are `gene = rule`, couplings after them `gene gene number`.")
    }
    for (at, line) in Self.lines(bytes) {
      let isNote = line.hasPrefix("#")
      if isNote || line.contains("=") {
        guard let (name, value) = Self.pair(isNote ? line.dropFirst() : line) else {
          if isNote { continue }
          throw trouble("no gene before \"=\"", line: at)
        }
        if isNote {
          if name == "invTimeStep" { rate = Double(value) ?? .nan }
          continue
        }
        guard couplings.isEmpty else { throw trouble("a rule after couplings", line: at) }
        guard !names.contains(String(name)) else {
          throw trouble("a second rule of \(name)", line: at)
        }
        do throws(BooleanRule.Trouble) {
          rules.append(try BooleanRule(value))
        } catch { throw trouble("\(name): \(error.what)", line: at) }
        names.append(String(name))
        lines.append(at)
      } else {
        let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
        guard words.count == 3, let value = Double(words[2]), value.isFinite, value != 0 else {
          throw trouble("no rule, and no coupling: \"\(line.prefix(40))\"", line: at)
        }
        guard names.contains(words[0]), names.contains(words[1]) else {
          throw trouble("a coupling of a gene without a rule", line: at)
        }
        guard couplings[words[0], default: [:]].updateValue(value, forKey: words[1]) == nil else {
          throw trouble("a second coupling of \(words[0]) and \(words[1])", line: at)
        }
      }
    }
    var genes: [Gene] = []
    for (index, name) in names.enumerated() {
      let own = rules[index].genes
      let given = couplings[name] ?? [:]
      guard own.count <= Self.parentsMax else {
        throw trouble(
          "\(own.count) genes in a rule, of at most \(Self.parentsMax)", line: lines[index])
      }
      for parent in own where given[parent] == nil {
        throw trouble("\(name) has no coupling of \(parent)", line: lines[index])
      }
      if let extra = given.keys.sorted().first(where: { !own.contains($0) }) {
        throw trouble("\(name) has a coupling of \(extra), not in its rule", line: lines[index])
      }
      genes.append(
        Gene(
          name: name, rule: rules[index], parents: own.map { names.firstIndex(of: $0)! },
          couplings: own.map { given[$0]! }))
    }
    guard !genes.isEmpty else { throw trouble("there is no rule in it", line: 1) }
    guard rate > 0, rate <= 1 else {
      throw trouble("no `# invTimeStep = ` above 0 and up to 1", line: 1)
    }
    let values = Self.lines(parameters).compactMap { Self.pair($0.text) }
    guard let text = values.first(where: { $0.name == "tmax" })?.value, let steps = Int(text),
      steps > 0, steps <= Self.stepsMax
    else {
      throw RecipeError(
        .dataDamaged, "no `tmax = ` from 1 to \(Self.stepsMax)", at: "\(place), its parameters",
        remedy: "Bring it again: ferry recipe data fetch grn.")
    }
    self.genes = genes
    self.rate = rate
    self.steps = steps
  }

  /// Lines that are not empty, with their numbers.
  private static func lines(_ bytes: [UInt8]) -> [(at: Int, text: Substring)] {
    let text = String(decoding: bytes, as: UTF8.self)
    return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
      .map { ($0.offset + 1, trimmed($0.element)) }.filter { !$0.1.isEmpty }
  }

  /// `name = value`; nil for another line, or one without a name.
  private static func pair(_ line: Substring) -> (name: Substring, value: Substring)? {
    guard let sign = line.firstIndex(of: "=") else { return nil }
    let name = trimmed(line[..<sign])
    return name.isEmpty ? nil : (name, trimmed(line[line.index(after: sign)...]))
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }
}

extension DataShelf {
  /// The network of `grn`.
  ///
  /// - Throws: `.dataMissing`, `.dataDamaged`.
  public func network(_ item: DataItem = .grn) throws(RecipeError) -> GeneNetwork {
    try GeneNetwork(
      rules: bytes(of: item.files[0], in: item), parameters: bytes(of: item.files[1], in: item),
      place: path(of: item.files[0], in: item))
  }
}
