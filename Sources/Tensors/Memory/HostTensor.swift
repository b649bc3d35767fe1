// SPDX-License-Identifier: Apache-2.0

import FerryBasics

/// A tensor in host memory: bytes that never change, an element type and a shape.
///
/// A reference, so that dictionaries and arrays of tensors cost nothing to copy; immutable, so that
/// it may be shared between threads. Elements are contiguous, the last dimension fastest (C order),
/// and start at a multiple of 64 bytes.
@safe
public final class HostTensor: Sendable {
  /// What its elements are.
  public let elementType: ElementType
  /// Its dimensions.
  public let shape: Shape
  // An address and not a `Buffer`: a borrow of a class's stored property ends with the access.
  private let address: UInt
  /// How many bytes its elements take.
  public let byteCount: Int

  /// A tensor with a copy of these bytes, which may come from anywhere.
  ///
  /// - Throws: `.malformed` when their number is not what type and shape need.
  public init(
    elementType: ElementType, shape: Shape, copying bytes: RawSpan
  ) throws(TensorError) {
    let needed = try shape.byteCount(of: elementType)
    guard bytes.byteCount == needed else {
      throw TensorError(
        .malformed, "\(bytes.byteCount) bytes where \(elementType) \(shape) takes \(needed)",
        at: "a tensor's bytes", remedy: "Pass the bytes of exactly \(shape.elementCount) elements.")
    }
    self.elementType = elementType
    self.shape = shape
    (address, byteCount) = Self.copy(bytes)
  }

  /// A tensor with a copy of these values; there must be exactly as many as the shape holds.
  public init<Element: TensorElement>(_ values: Span<Element>, shape: Shape) {
    precondition(
      values.count == shape.elementCount, "\(values.count) values for shape \(shape)")
    elementType = Element.elementType
    self.shape = shape
    (address, byteCount) = Self.copy(values.elementBytes)
  }

  deinit {
    // SAFETY: what `copy` allocated; no span of it outlives the object.
    unsafe UnsafeMutableRawPointer(bitPattern: address)!.deallocate()
  }

  /// Fresh memory with these bytes: its address and length.
  private static func copy(_ bytes: RawSpan) -> (UInt, Int) {
    let fresh = UnsafeMutableRawPointer.allocate(
      byteCount: max(1, bytes.byteCount), alignment: 64)
    unsafe bytes.withUnsafeBytes { source in
      if let start = source.baseAddress {
        // SAFETY: `fresh` has room for `source` and is not part of it.
        unsafe fresh.copyMemory(from: start, byteCount: source.count)
      }
    }
    return (UInt(bitPattern: fresh), bytes.byteCount)
  }

  /// A tensor with a copy of these values, of one dimension where no shape is given.
  public convenience init<Element: TensorElement>(_ values: [Element], shape: Shape? = nil) {
    self.init(values.span, shape: shape ?? [values.count])
  }

  /// A bool tensor.
  public convenience init(flags: [Bool], shape: Shape? = nil) {
    let shape = shape ?? [flags.count]
    precondition(flags.count == shape.elementCount, "\(flags.count) flags for shape \(shape)")
    let bytes = flags.map { $0 ? UInt8(1) : 0 }
    do throws(TensorError) {
      try self.init(elementType: .bool, shape: shape, copying: bytes.span.elementBytes)
    } catch { preconditionFailure(error.description) }
  }

  /// Its bytes, little-endian, in C order.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      // SAFETY: the bytes live as long as the tensor, and nothing writes them after `init`.
      let raw = unsafe RawSpan(
        _unsafeStart: UnsafeRawPointer(bitPattern: address)!, byteCount: byteCount)
      return unsafe _overrideLifetime(raw, borrowing: self)
    }
  }

  /// Its elements as they are.
  ///
  /// - Throws: `.wrongType` when they are of another type.
  @_lifetime(borrow self)
  public func span<Element: TensorElement>(
    of type: Element.Type
  ) throws(TensorError) -> Span<Element> {
    guard Element.elementType == elementType else {
      throw TensorError(
        .wrongType, "the elements are \(elementType), not \(Element.elementType)",
        at: "a tensor of shape \(shape)",
        remedy: "Ask for \(elementType), or convert with floats().")
    }
    let raw = bytes
    // SAFETY: the bytes are whole elements of that type, 64-byte aligned, alive with the tensor.
    let elements = unsafe raw._unsafeView(as: Element.self)
    return unsafe _overrideLifetime(elements, borrowing: self)
  }

  /// Copies its elements as they are.
  ///
  /// - Throws: `.wrongType` when they are of another type.
  public func values<Element: TensorElement>(
    of type: Element.Type = Element.self
  ) throws(TensorError) -> [Element] {
    _ = try span(of: type)
    return Bytes.values(of: type, in: bytes)
  }

  /// Its elements as floats: exact from f32, f16 and bf16, to the nearest from f64.
  ///
  /// - Throws: `.wrongType` for integers and bool.
  public func floats() throws(TensorError) -> [Float] {
    var result = [Float](repeating: 0, count: shape.elementCount)
    var view = result.mutableSpan
    switch elementType {
    case .f32: return Bytes.values(in: bytes)
    case .f64:
      let doubles = try span(of: Double.self)
      for i in doubles.indices { view[i] = Float(doubles[i]) }
    case .f16: Kernels.widen(try span(of: Half.self), into: &view)
    case .bf16: Kernels.widen(try span(of: BFloat16.self), into: &view)
    default:
      throw TensorError(
        .wrongType, "\(elementType) elements are not floating point",
        at: "a tensor of shape \(shape)", remedy: "Read them with values(of:).")
    }
    return result
  }

  /// The elements of a bool tensor; any byte but 0 counts as true.
  ///
  /// - Throws: `.wrongType` when they are not bool.
  public func flags() throws(TensorError) -> [Bool] {
    guard elementType == .bool else {
      throw TensorError(
        .wrongType, "the elements are \(elementType), not BOOL",
        at: "a tensor of shape \(shape)", remedy: "Read them with values(of:).")
    }
    return Bytes.array(bytes).map { $0 != 0 }
  }
}
