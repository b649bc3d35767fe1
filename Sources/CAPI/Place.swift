// SPDX-License-Identifier: Apache-2.0

import CFerry
import FerryCollectives
import FerryTensors

/// A caller's elements: copied when a call begins, written when it is awaited, and by nobody else.
@safe
struct Place: Sendable {
  // SAFETY: an address, not a pointer, so that it can wait in a call; 0 for NULL. The header leaves
  // what is there to the library until the call was awaited.
  private let address: UInt
  let type: ElementType
  /// How many elements have room.
  let count: Int
  /// How they lie apart; nil where they lie one after another, and fewer fit, too.
  private let layout: StridedBlock?

  /// - Parameter name: of the field, for errors: `operation.values`.
  init(
    _ pointer: UnsafeMutableRawPointer?, _ count: Int, _ layout: UnsafePointer<ferry_layout>?,
    of type: ElementType, _ name: String
  ) throws(DoorError) {
    address = UInt(bitPattern: pointer)
    self.type = type
    if let layout = unsafe layout {
      let read = try unsafe Self.block(layout, of: type, name)
      self.layout = read
      self.count = read.byteCount / type.byteWidth
    } else {
      self.layout = nil
      self.count = count
    }
    guard (0...Operation.byteCountMax / type.byteWidth).contains(self.count),
      self.count == 0 || address != 0
    else { throw DoorError("\(name) is NULL, or a count of \(self.count)") }
  }

  /// The place of no elements.
  static func nowhere(_ type: ElementType) throws(DoorError) -> Place {
    try unsafe Place(nil, 0, nil, of: type, "nowhere")
  }

  private static func block(
    _ pointer: UnsafePointer<ferry_layout>, of type: ElementType, _ name: String
  ) throws(DoorError) -> StridedBlock {
    // SAFETY: the header demands a layout of `size` bytes; no more than those are read.
    let size = unsafe pointer.pointee.size
    guard unsafe size >= MemoryLayout<ferry_layout>.size else {
      throw DoorError(
        "\(name)'s layout has a size of \(size); set it to sizeof(struct ferry_layout)")
    }
    let layout = unsafe pointer.pointee
    let rank = unsafe layout.dimensions
    let isNamed = unsafe layout.shape != nil && layout.strides != nil
    guard (0...dimensionsMax).contains(rank), rank == 0 || isNamed else {
      throw DoorError("\(name)'s layout has \(rank) dimensions, of 0 to \(dimensionsMax)")
    }
    var block = StridedBlock(type)
    // SAFETY: the header demands `dimensions` numbers at both.
    let shape = (0..<rank).map { unsafe layout.shape![$0] }
    let strides = (0..<rank).map { unsafe layout.strides![$0] }
    if shape.contains(0) { return StridedBlock(byteCount: 0) }
    do {
      for (count, stride) in zip(shape, strides).reversed() {
        let (bytes, overflow) = stride.multipliedReportingOverflow(by: type.byteWidth)
        guard !overflow else { throw DoorError("\(name)'s layout has a stride of \(stride)") }
        block = try block.hvector(count: count, blockLength: 1, byteStride: bytes)
      }
    } catch {
      throw DoorError("\(name)'s layout: \(error)")
    }
    return block
  }

  /// The most dimensions of a layout: numpy's.
  private static let dimensionsMax = 64

  /// Throws where a result would be written over itself.
  func requireApart(_ name: String) throws(DoorError) {
    guard layout?.isPlainlyApart ?? true else {
      throw DoorError("\(name)'s layout has elements that overlap, and the result is written there")
    }
  }

  private func block(of count: Int) throws -> StridedBlock {
    try layout ?? StridedBlock(type).contiguous(count)
  }

  /// A copy of the elements.
  func values() throws -> Values {
    guard count > 0 else { return Values(type) }
    let block = try block(of: count)
    let footprint = block.footprint
    // SAFETY: the header demands the elements there, and this is no more than from the first to the
    // last of them; they are copied before the call returns.
    let memory = unsafe RawSpan(
      _unsafeStart: UnsafeRawPointer(bitPattern: address)! + footprint.lowerBound,
      byteCount: footprint.count)
    do {
      return try Values(type, as: block, in: memory, at: -footprint.lowerBound)
    } catch { throw DoorError("\(error)") }
  }

  /// The place itself, for a call that reads it as it goes on, and writes its result there; nil where
  /// a copy is as good, or the elements have to be looked at before.
  func lent() -> LentMemory? {
    // SAFETY: the header demands `count` elements there, the library's until the call was awaited.
    guard layout == nil, count * type.byteWidth >= Self.lentBytesMin, type != .bool,
      address % UInt(type.byteWidth) == 0,
      let memory = unsafe UnsafeMutableRawPointer(bitPattern: address)
    else { return nil }
    return unsafe LentMemory(memory, count: count, of: type)
  }

  /// Shorter values are copied while a message would be written.
  private static let lentBytesMin = 1 << 20

  /// Whether this place is where another one is, from the first element to the last.
  func isSame(as other: Place) -> Bool {
    address == other.address && count == other.count && layout == nil && other.layout == nil
  }

  /// Whether the result can be written here.
  func fits(_ count: Int) -> Bool {
    count == 0 || (layout == nil ? count <= self.count : count == self.count)
  }

  /// Writes a result that fits.
  func write(_ values: Values) throws {
    guard values.count > 0 else { return }
    let block = try block(of: values.count)
    let footprint = block.footprint
    // SAFETY: as in `values`; the program does nothing with the place until it has awaited the call.
    var memory = unsafe MutableSpan<UInt8>(
      _unsafeStart: UnsafeMutablePointer(bitPattern: address)! + footprint.lowerBound,
      count: footprint.count)
    try values.write(as: block, to: &memory, at: -footprint.lowerBound)
  }
}
