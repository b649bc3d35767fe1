// SPDX-License-Identifier: Apache-2.0

/// When a gene is on, by which others are: `(A or B) and not C`, binding as in Python.
package indirect enum BooleanRule: Sendable, Equatable {
  /// That gene is on.
  case gene(String)
  /// It does not hold.
  case not(BooleanRule)
  /// Both hold.
  case both(BooleanRule, BooleanRule)
  /// One of them holds, or both.
  case either(BooleanRule, BooleanRule)

  /// Reads a rule.
  ///
  /// - Throws: a sentence part on what is wrong: `the rule ends too early`.
  package init(_ text: Substring) throws(Trouble) {
    var reader = try Reader(text)
    self = try reader.alternatives()
    if let rest = reader.peek { throw Trouble(what: "\"\(rest)\" where the rule should end") }
  }

  /// What is wrong with a rule.
  package struct Trouble: Error, Equatable {
    /// A sentence part.
    package let what: String

    package init(what: String) { self.what = what }
  }

  /// Whether it holds.
  func holds(_ isOn: (String) -> Bool) -> Bool {
    switch self {
    case .gene(let name): isOn(name)
    case .not(let rule): !rule.holds(isOn)
    case .both(let a, let b): a.holds(isOn) && b.holds(isOn)
    case .either(let a, let b): a.holds(isOn) || b.holds(isOn)
    }
  }

  /// The genes it names, each once, in their order.
  package var genes: [String] {
    switch self {
    case .gene(let name): [name]
    case .not(let rule): rule.genes
    case .both(let a, let b), .either(let a, let b):
      a.genes + b.genes.filter { !a.genes.contains($0) }
    }
  }
}

extension BooleanRule {
  /// Words and parentheses from left to right.
  private struct Reader {
    private var words: ArraySlice<Substring>
    private var depth = 0
    /// Deeper ones are no published rule, and would use up the stack.
    private static let depthMax = 32
    /// So would longer ones: each "or" holds what is before it.
    private static let wordsMax = 1_000

    init(_ text: Substring) throws(Trouble) {
      words =
        text.replacing("(", with: " ( ").replacing(")", with: " ) ")
        .split(whereSeparator: \.isWhitespace)[...]
      guard words.count <= Self.wordsMax else {
        throw Trouble(what: "\(words.count) words, of at most \(Self.wordsMax)")
      }
    }

    var peek: Substring? { words.first }

    private mutating func takes(_ word: Substring) -> Bool {
      guard peek == word else { return false }
      words.removeFirst()
      return true
    }

    mutating func alternatives() throws(Trouble) -> BooleanRule {
      depth += 1
      defer { depth -= 1 }
      guard depth <= Self.depthMax else {
        throw Trouble(what: "more than \(Self.depthMax) parentheses and \"not\" in one another")
      }
      var rule = try conjunction()
      while takes("or") { rule = .either(rule, try conjunction()) }
      return rule
    }

    private mutating func conjunction() throws(Trouble) -> BooleanRule {
      var rule = try single()
      while takes("and") { rule = .both(rule, try single()) }
      return rule
    }

    private mutating func single() throws(Trouble) -> BooleanRule {
      guard let word = words.popFirst() else { throw Trouble(what: "the rule ends too early") }
      switch word {
      case "not":
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthMax else {
          throw Trouble(what: "more than \(Self.depthMax) parentheses and \"not\" in one another")
        }
        return .not(try single())
      case "(":
        let rule = try alternatives()
        guard takes(")") else { throw Trouble(what: "a \"(\" without its \")\"") }
        return rule
      case ")", "and", "or": throw Trouble(what: "\"\(word)\" where a gene should be")
      default: return .gene(String(word))
      }
    }
  }
}
