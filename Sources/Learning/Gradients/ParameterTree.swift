// SPDX-License-Identifier: Apache-2.0

/// A value whose parameters can be visited in a fixed order, each with a name such as
/// `blocks.0.attention.qkv.weight`.
///
/// A layer is a struct that says once, in `visit`, which of its properties are parameters;
/// reading, replacing, gradients, checkpoints and exchange all follow from that.
public protocol ParameterTree: Sendable {
  /// Shows each parameter to the visitor, always in the same order.
  mutating func visit(_ visitor: inout ParameterVisitor) throws(LearningError)
}

/// Walks a tree of parameters, reading or replacing them.
public struct ParameterVisitor {
  typealias Body = (_ name: String, _ tensor: inout Tensor) throws(LearningError) -> Void

  private var prefix = ""
  private let body: Body

  init(_ body: @escaping Body) { self.body = body }

  /// One parameter.
  public mutating func parameter(_ name: String, _ tensor: inout Tensor) throws(LearningError) {
    try body(prefix + name, &tensor)
  }

  /// A part with parameters of its own.
  public mutating func part<Part: ParameterTree>(
    _ name: String, _ part: inout Part
  ) throws(LearningError) {
    let outer = prefix
    prefix += name + "."
    defer { prefix = outer }
    try part.visit(&self)
  }

  /// Several parts, named by their index.
  public mutating func parts<Part: ParameterTree>(
    _ name: String, _ parts: inout [Part]
  ) throws(LearningError) {
    for index in parts.indices { try part("\(name).\(index)", &parts[index]) }
  }
}

/// A parameter, or something with a parameter's name and shape, such as its momentum.
public struct NamedParameter: Sendable {
  public let name: String
  public let tensor: Tensor

  public init(name: String, tensor: Tensor) {
    self.name = name
    self.tensor = tensor
  }
}

extension ParameterTree {
  /// All parameters, in their fixed order.
  public var parameters: [NamedParameter] {
    var copy = self
    let list = Box<[NamedParameter]>([])
    var visitor = ParameterVisitor { name, tensor in
      list.value.append(NamedParameter(name: name, tensor: tensor))
    }
    // A visitor that only reads throws nothing.
    try? copy.visit(&visitor)
    return list.value
  }

  /// The parameters' number of elements.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.tensor.count } }

  /// The same tree with other parameters, given in the fixed order with the same shapes.
  public func replacingParameters(_ tensors: [Tensor]) throws(LearningError) -> Self {
    var copy = self
    try copy.setParameters(tensors)
    return copy
  }

  /// Puts parameters in, given in the fixed order with the same shapes.
  public mutating func setParameters(_ tensors: [Tensor]) throws(LearningError) {
    let current = parameters
    guard current.count == tensors.count else {
      throw LearningError(
        .stateMismatch, "\(tensors.count) tensors for \(current.count) parameters",
        place: "parameters", remedy: "Use the state of a model of the same configuration.")
    }
    for (old, new) in zip(current, tensors) where old.tensor.shape != new.shape {
      throw LearningError(
        .stateMismatch, "\(new.shape) for a parameter of \(old.tensor.shape)", place: old.name,
        remedy: "Use the state of a model of the same configuration.")
    }
    try exchange(tensors)
  }

  /// Takes all parameters out, so that nobody else holds them, hands them to `body`, and puts back
  /// what it leaves, also when it throws.
  mutating func withOwnParameters<Result>(
    _ body: (inout [Tensor]) throws(LearningError) -> Result
  ) throws(LearningError) -> Result {
    var tensors = parameters.map(\.tensor)
    let nothing = try Tensor(0)
    try exchange(Array(repeating: nothing, count: tensors.count))
    do {
      let result = try body(&tensors)
      try exchange(tensors)
      return result
    } catch {
      try exchange(tensors)
      throw error
    }
  }

  private mutating func exchange(_ tensors: [Tensor]) throws(LearningError) {
    let next = Box(0)
    var visitor = ParameterVisitor { _, tensor in
      tensor = tensors[next.value]
      next.value += 1
    }
    try visit(&visitor)
  }
}

/// A variable that a closure can write.
final class Box<Value> {
  var value: Value
  init(_ value: Value) { self.value = value }
}
