// SPDX-License-Identifier: Apache-2.0

/// A tensor without its bytes: name, element type and shape.
public struct TensorDescription: Hashable, Sendable {
  public let name: String
  public let elementType: ElementType
  public let shape: Shape

  public init(name: String, elementType: ElementType = .f32, shape: Shape) {
    self.name = name
    self.elementType = elementType
    self.shape = shape
  }
}
