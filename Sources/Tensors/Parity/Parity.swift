// SPDX-License-Identifier: Apache-2.0

/// Whether two sets of named tensors are the same, bit for bit, and where they are not.
public struct Parity: Sendable, Equatable {
  /// A set of tensors that can be read one after the other.
  public protocol Source {
    /// What it holds.
    var tensors: [TensorDescription] { get }
    /// A tensor of it.
    ///
    /// - Throws: whatever its file does.
    func tensor(_ name: String) throws(TensorError) -> HostTensor
  }

  /// One tensor that is not the same in both.
  public enum Difference: Sendable, Equatable {
    /// Only the first has it, or only the second.
    case onlyInFirst(TensorDescription)
    case onlyInSecond(TensorDescription)
    /// Both have it, with another element type or shape.
    case description(TensorDescription, TensorDescription)
    /// Some elements have other bits.
    case elements(TensorDescription, TensorDifference)

    /// The tensor's name.
    public var name: String {
      switch self {
      case .onlyInFirst(let tensor), .onlyInSecond(let tensor), .description(let tensor, _),
        .elements(let tensor, _):
        tensor.name
      }
    }
  }

  /// How many tensors both have.
  public let tensorCount: Int
  /// How many elements these have.
  public let elementCount: Int
  /// What differs, by name.
  public let differences: [Difference]

  /// Compares all tensors, in the order of their names; holds two of them in memory at a time.
  ///
  /// - Throws: when one of the tensors cannot be read.
  public init(_ first: some Source, _ second: some Source) throws(TensorError) {
    let mine = Dictionary(first.tensors.map { ($0.name, $0) }) { one, _ in one }
    let theirs = Dictionary(second.tensors.map { ($0.name, $0) }) { one, _ in one }
    var (tensorCount, elementCount) = (0, 0)
    var differences: [Difference] = []
    for name in Set(mine.keys).union(theirs.keys).sorted() {
      guard let a = mine[name] else {
        differences.append(.onlyInSecond(theirs[name]!))
        continue
      }
      guard let b = theirs[name] else {
        differences.append(.onlyInFirst(a))
        continue
      }
      tensorCount += 1
      elementCount += a.shape.elementCount
      guard a.elementType == b.elementType, a.shape == b.shape else {
        differences.append(.description(a, b))
        continue
      }
      if let found = TensorDifference(try first.tensor(name), try second.tensor(name)) {
        differences.append(.elements(a, found))
      }
    }
    self.tensorCount = tensorCount
    self.elementCount = elementCount
    self.differences = differences
  }

  /// Whether nothing differs.
  public var isEqual: Bool { differences.isEmpty }

  /// How many elements differ, of the tensors that can be compared.
  public var differingCount: Int {
    differences.reduce(0) {
      if case .elements(_, let difference) = $1 { $0 + difference.differing } else { $0 }
    }
  }
}

extension SafetensorsFile: Parity.Source {}
