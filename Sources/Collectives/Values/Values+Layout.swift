// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
public import FerryTensors

/// Values that lie apart in memory: packed for an operation by our kernels, and its result put back.
///
/// ```swift
/// let face = try TensorSlice(.f32, of: [10, 8], [0..<10, 0..<1])
/// let pending = group.start(.allReduce(Values(face, of: matrix.span), .mean), within: limit)
/// try pending.wait().values.write(to: face, of: &view)
/// ```
///
/// An operation has its own copy of what it takes, so the memory may change while it runs.
extension Values {
  /// The elements that lie in memory where the layout says, in its order.
  ///
  /// - Parameters:
  ///   - layout: of whole elements; it must fit in `memory`.
  ///   - origin: the byte of `memory` where the layout's origin is.
  /// - Throws: when a flag's byte is neither 0 nor 1.
  public init(
    _ type: ElementType, as layout: StridedBlock, in memory: RawSpan, at origin: Int = 0
  ) throws(MalformedMessage) {
    func packed<Element: CollectiveElement>(_: Element.Type) -> [Element] {
      var values = Bytes.unset(layout.byteCount / MemoryLayout<Element>.stride, of: Element.self)
      var view = values.mutableSpan
      layout.pack(memory, at: origin, into: &view)
      return values
    }
    switch type {
    case .f32: self = .f32(packed(Float.self))
    case .f64: self = .f64(packed(Double.self))
    case .f16: self = .f16(packed(Half.self))
    case .bf16: self = .bf16(packed(BFloat16.self))
    case .i8: self = .i8(packed(Int8.self))
    case .i16: self = .i16(packed(Int16.self))
    case .i32: self = .i32(packed(Int32.self))
    case .i64: self = .i64(packed(Int64.self))
    case .u8: self = .u8(packed(UInt8.self))
    case .u16: self = .u16(packed(UInt16.self))
    case .u32: self = .u32(packed(UInt32.self))
    case .u64: self = .u64(packed(UInt64.self))
    case .bool:
      let bytes = packed(UInt8.self)
      self = try Values(.bool, count: bytes.count, bytes: bytes.span.elementBytes)
    }
  }

  /// A slice's elements, in C order; `tensor` has all of the whole's.
  public init<Element: TensorElement>(_ slice: TensorSlice, of tensor: Span<Element>) {
    precondition(
      Element.elementType == slice.elementType && tensor.count == slice.whole.elementCount,
      "\(tensor.count) \(Element.elementType) for a slice of \(slice.elementType) \(slice.whole)")
    do throws(MalformedMessage) {
      try self.init(slice.elementType, as: slice.block, in: tensor.elementBytes)
    } catch { preconditionFailure("\(error)") }
  }

  /// A slice's elements, in C order.
  ///
  /// - Throws: when the slice is of another type or shape, or a flag's byte is neither 0 nor 1.
  public init(_ slice: TensorSlice, of tensor: HostTensor) throws {
    guard tensor.elementType == slice.elementType, tensor.shape == slice.whole else {
      throw TensorError(
        .wrongType, "a slice of \(slice.elementType) \(slice.whole)",
        at: "a tensor of \(tensor.elementType) \(tensor.shape)",
        remedy: "Make the slice for this tensor's type and shape.")
    }
    try self.init(slice.elementType, as: slice.block, in: tensor.bytes)
  }

  /// Puts the values where the layout says; what it does not mean stays as it was.
  ///
  /// - Parameters:
  ///   - layout: must fit in `memory`. Where it means a byte twice, the last one stays.
  ///   - origin: the byte of `memory` where the layout's origin is.
  /// - Throws: `.badOperation` when it is of more or fewer bytes than there are; then nothing is
  ///   written.
  public func write<Element: TensorElement>(
    as layout: StridedBlock, to memory: inout MutableSpan<Element>, at origin: Int = 0
  ) throws(CollectiveError) {
    guard layout.byteCount == byteCount else {
      let width = elementType.byteWidth
      throw CollectiveError(
        .badOperation, "\(count) values for a place of \(layout.byteCount / width)",
        place: "\(elementType) values", remedy: "Give a place for as many elements as there are.")
    }
    switch self {
    case .f32(let values): layout.unpack(values.span.elementBytes, into: &memory, at: origin)
    case .f64(let values): layout.unpack(values.span.elementBytes, into: &memory, at: origin)
    case .f16(let values): layout.unpack(values.span.elementBytes, into: &memory, at: origin)
    case .bf16(let values): layout.unpack(values.span.elementBytes, into: &memory, at: origin)
    case .i8(let values): layout.unpack(values.span.elementBytes, into: &memory, at: origin)
    case .i16(let values): layout.unpack(values.span.elementBytes, into: &memory, at: origin)
    case .i32(let values): layout.unpack(values.span.elementBytes, into: &memory, at: origin)
    case .i64(let values): layout.unpack(values.span.elementBytes, into: &memory, at: origin)
    case .u8(let values): layout.unpack(values.span.elementBytes, into: &memory, at: origin)
    case .u16(let values): layout.unpack(values.span.elementBytes, into: &memory, at: origin)
    case .u32(let values): layout.unpack(values.span.elementBytes, into: &memory, at: origin)
    case .u64(let values): layout.unpack(values.span.elementBytes, into: &memory, at: origin)
    case .bool(let flags):
      let bytes = flags.map { $0 ? UInt8(1) : 0 }
      layout.unpack(bytes.span.elementBytes, into: &memory, at: origin)
    }
  }

  /// Puts the values into a slice of a tensor, which has all of the whole's elements.
  ///
  /// - Throws: `.badOperation` when they are of another type, or more or fewer than the slice has;
  ///   then nothing is written.
  public func write<Element: TensorElement>(
    to slice: TensorSlice, of tensor: inout MutableSpan<Element>
  ) throws(CollectiveError) {
    precondition(
      Element.elementType == slice.elementType && tensor.count == slice.whole.elementCount,
      "\(tensor.count) \(Element.elementType) for a slice of \(slice.elementType) \(slice.whole)")
    guard elementType == slice.elementType else {
      throw CollectiveError(
        .badOperation, "\(elementType) values for a slice of \(slice.elementType)",
        place: "a slice of \(slice.shape)", remedy: "Give a slice of the values' own type.")
    }
    try write(as: slice.block, to: &tensor)
  }
}
