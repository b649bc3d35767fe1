// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CFerry
import FerryCodecs
import FerryCollectives
import FerryTensors

// Operations beside the rounds, for C.

/// What a `ferry_call *` points to.
@safe
private final class PendingDoor: @unchecked Sendable {
  // SAFETY: set once; the header leaves the values to the library until the call was awaited.
  let values: UnsafeMutableRawPointer?
  let byteCount: Int
  let call: PendingCall

  init(_ call: PendingCall, _ values: UnsafeMutableRawPointer?, byteCount: Int) {
    self.call = call
    unsafe self.values = values
    self.byteCount = byteCount
  }

  /// The call behind a pointer that this library gave out.
  static func behind(_ pointer: OpaquePointer) -> PendingDoor {
    // SAFETY: the header demands a pointer from `ferry_start_all_reduce`, not awaited yet.
    unsafe Unmanaged<PendingDoor>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
  }
}

@c @implementation
public func ferry_start_all_reduce(
  _ group: OpaquePointer!, _ reduce: UnsafePointer<ferry_reduce>!, _ seconds: Double,
  _ result: UnsafeMutablePointer<OpaquePointer?>!
) -> ferry_status {
  call {
    let door = try unsafe Door.behind(group)
    guard let reduce = unsafe reduce, let place = unsafe result else {
      throw DoorError("the reduction, or the call's place, is NULL")
    }
    // SAFETY: the header demands options of `size` bytes; no more than those are read.
    let size = unsafe reduce.pointee.size
    guard unsafe size >= MemoryLayout<ferry_reduce>.size else {
      throw DoorError("reduce.size is \(size); set it to sizeof(struct ferry_reduce)")
    }
    let wanted = unsafe reduce.pointee
    let (element, reduction) = unsafe (wanted.element, wanted.reduction)
    let (codec, weight, count) = unsafe (wanted.codec, wanted.weight, wanted.count)
    guard let type = ElementType.allCases.first(where: { UInt32($0.number) == element }),
      type != .bool
    else { throw DoorError("reduce.element is \(element)") }
    guard let operation = UInt8(exactly: reduction).flatMap(ReduceOperation.init) else {
      throw DoorError("reduce.reduction is \(reduction)")
    }
    let codecs: [CodecKind] = [.float32, .bfloat16, .int8]
    guard codecs.indices.contains(Int(codec)) else { throw DoorError("reduce.codec is \(codec)") }
    guard weight >= 0, weight.isFinite else { throw DoorError("a weight of \(weight)") }
    let hasValues = unsafe wanted.values != nil
    guard (0..<Int.max / 8).contains(count), count == 0 || hasValues else {
      throw DoorError("no values, or a count of \(count)")
    }
    let byteCount = count * type.byteWidth
    var values = Values(type)
    if let start = unsafe wanted.values, count > 0 {
      // SAFETY: the header demands `count` elements there; copied before the call returns.
      let bytes = unsafe RawSpan(_unsafeStart: UnsafeRawPointer(start), byteCount: byteCount)
      values = try Values(type, count: count, bytes: bytes)
    }
    let pending = door.group.start(
      .allReduce(values, operation, weight: weight, codec: codecs[Int(codec)]),
      on: Channel(tag: unsafe wanted.tag), within: try patience(seconds))
    let made = unsafe PendingDoor(pending, wanted.values, byteCount: byteCount)
    // SAFETY: the reference is taken back by `ferry_await`, once.
    unsafe place.pointee = OpaquePointer(Unmanaged.passRetained(made).toOpaque())
  }
}

@c @implementation
public func ferry_is_finished(_ pending: OpaquePointer!) -> Bool {
  guard let pending = unsafe pending else { return true }
  return unsafe PendingDoor.behind(pending).call.isFinished
}

@c @implementation
public func ferry_cancel(_ pending: OpaquePointer!) {
  guard let pending = unsafe pending else { return }
  unsafe PendingDoor.behind(pending).call.cancel()
}

@c @implementation
public func ferry_await(
  _ pending: OpaquePointer!, _ round: UnsafeMutablePointer<ferry_round>!
) -> ferry_status {
  call {
    guard let pending = unsafe pending else { throw DoorError("the call is NULL") }
    // SAFETY: gives back the reference that `ferry_start_all_reduce` took; the header forbids a second
    // call.
    let door = unsafe Unmanaged<PendingDoor>.fromOpaque(UnsafeRawPointer(pending))
      .takeRetainedValue()
    let outcome = try door.call.wait()
    guard outcome.values.byteCount == door.byteCount else {
      throw DoorError("\(door.byteCount) bytes, and the result has \(outcome.values.byteCount)")
    }
    if let values = unsafe door.values {
      // SAFETY: the header demands room for the values, and the sizes are equal.
      unsafe UnsafeMutableRawBufferPointer(start: values, count: door.byteCount)
        .copyBytes(from: outcome.values.bytes)
    }
    guard let round = unsafe round else { return }
    unsafe round.pointee = ferry_round(
      number: outcome.number, contributors: UInt32(outcome.contributors.count),
      weight: outcome.contributors.reduce(0) { $0 + $1.weight })
  }
}
