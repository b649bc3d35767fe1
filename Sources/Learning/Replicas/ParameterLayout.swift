// SPDX-License-Identifier: Apache-2.0

public import FerryLearning

/// Where each parameter of a model lies in one flat run of 32-bit floats.
///
/// Parameters follow each other without gaps, in the order of the table; elements of a parameter
/// are row-major. Equal layouts are what makes two replicas of one model comparable.
public struct ParameterLayout: Sendable, Equatable {
  /// One parameter: its name, its shape, and its place.
  public struct Entry: Sendable, Equatable {
    public let name: String
    public let shape: [Int]
    /// The index of its first element in the flat run.
    public let offset: Int
    /// How many elements it has; 1 for an empty shape.
    public let count: Int

    /// Its elements' indices in the flat run.
    public var range: Range<Int> { offset..<offset + count }
  }

  public let entries: [Entry]
  /// How many elements all parameters have together.
  public let count: Int

  /// Lays the parameters out one after the other.
  ///
  /// Names must differ and every dimension be above zero.
  public init(_ parameters: [(name: String, shape: [Int])]) {
    var offset = 0
    var entries: [Entry] = []
    var names: Set<String> = []
    for (name, shape) in parameters {
      precondition(names.insert(name).inserted, "two parameters are named \(name)")
      precondition(shape.allSatisfy { $0 > 0 }, "parameter \(name) has shape \(shape)")
      let count = shape.reduce(1, *)
      entries.append(Entry(name: name, shape: shape, offset: offset, count: count))
      offset += count
    }
    self.entries = entries
    count = offset
  }

  /// A flat run cut into named tensors. `values: [count]`.
  public func split(_ values: [Float]) -> [NamedTensor] {
    precondition(values.count == count, "\(values.count) values for a layout of \(count)")
    return entries.map {
      NamedTensor(name: $0.name, shape: $0.shape, values: Array(values[$0.range]))
    }
  }
}

extension NamedTensor {
  /// A tensor of one dimension.
  public init(name: String, values: [Float]) {
    self.init(name: name, shape: [values.count], values: values)
  }
}
