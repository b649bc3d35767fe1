// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CFerry
import FerryCodecs
import FerryCollectives
import FerryPeers
import FerryTensors
import Synchronization

// Calls under way, for C: from their start until they were awaited.

/// What a `ferry_call *` points to.
@safe
private final class PendingDoor: @unchecked Sendable {
  private let call: PendingCall
  /// What the result's elements are.
  let type: ElementType
  let place: Mutex<Place?>
  /// How many elements were lent: the result is there already, unless the call's outcome has it.
  private let lentCount: Int?
  // SAFETY: written under the lock once the call is over, and freed with the call.
  private let named = Mutex<(address: UInt, count: Int)>((0, 0))

  init(_ call: PendingCall, _ place: Place, isLent: Bool) {
    self.call = call
    type = place.type
    lentCount = isLent ? place.count : nil
    self.place = Mutex(place)
  }

  deinit {
    // SAFETY: what `contributors` allocated, of trivial elements; NULL where it did not.
    named.withLock {
      unsafe UnsafeMutablePointer<ferry_contributor>(bitPattern: $0.address)?.deallocate()
    }
  }

  var isFinished: Bool { call.isFinished }
  func cancel() { call.cancel() }
  func wait() throws -> CallOutcome { try call.wait() }

  /// How many elements the result has.
  func count(of outcome: CallOutcome) -> Int { lentCount ?? outcome.values.count }

  /// Gives the result another place, or none.
  func move(to other: Place?) throws(DoorError) {
    guard lentCount == nil || other == nil else {
      throw DoorError("the call's values were lent, and the result takes their place")
    }
    place.withLock { $0 = other }
  }

  /// Memory with the contributors, for as long as this object lives.
  func contributors(of outcome: CallOutcome) -> UnsafePointer<ferry_contributor>? {
    let all = outcome.contributors
    return unsafe named.withLock { named in
      if named.address == 0, !all.isEmpty {
        // SAFETY: `count` places are allocated and each of them initialized.
        let fresh = UnsafeMutablePointer<ferry_contributor>.allocate(capacity: all.count)
        for (i, contributor) in all.enumerated() {
          unsafe (fresh + i).initialize(
            to: ferry_contributor(
              member: ferry_member(contributor.member.id), weight: contributor.weight,
              count: outcome.counts.isEmpty ? 0 : outcome.counts[i]))
        }
        named = (UInt(bitPattern: fresh), all.count)
      }
      return unsafe UnsafePointer(bitPattern: named.address)
    }
  }

  /// The call behind a pointer that this library gave out.
  static func behind(_ pointer: OpaquePointer?) throws(DoorError) -> PendingDoor {
    guard let pointer = unsafe pointer else { throw DoorError("the call is NULL") }
    // SAFETY: the header demands a pointer from `ferry_start`, not freed yet.
    return unsafe Unmanaged<PendingDoor>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
  }

  var pointer: OpaquePointer {
    // SAFETY: the reference is taken back by `ferry_await`, once.
    unsafe OpaquePointer(Unmanaged.passRetained(self).toOpaque())
  }
}

/// A result that its place cannot hold; the call is still there.
struct NoFit: Error, CustomStringConvertible {
  let description: String
}

@c @implementation
public func ferry_start(
  _ group: OpaquePointer!, _ operation: UnsafePointer<ferry_operation>!, _ seconds: Double,
  _ result: UnsafeMutablePointer<OpaquePointer?>!
) -> ferry_status {
  call {
    let door = try unsafe Door.behind(group)
    guard let operation = unsafe operation, let place = unsafe result else {
      throw DoorError("the operation, or the call's place, is NULL")
    }
    let request = try unsafe Request(operation, me: door.group.me.id)
    let pending = door.group.start(
      request.call, on: request.channel, within: try patience(seconds))
    unsafe place.pointee =
      PendingDoor(pending, request.result, isLent: request.call.lent != nil).pointer
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
    let terms = try unsafe Terms(
      "reduce", element: wanted.element, reduction: wanted.reduction, codec: wanted.codec,
      weight: wanted.weight)
    let values = try unsafe Place(wanted.values, wanted.count, nil, of: terms.type, "reduce.values")
    let call = try terms.allReduce(lending: values)
    let pending = door.group.start(
      call, on: Channel(tag: unsafe wanted.tag), within: try patience(seconds))
    unsafe place.pointee = PendingDoor(pending, values, isLent: call.lent != nil).pointer
  }
}

@c @implementation
public func ferry_pack(
  _ values: UnsafeRawPointer!, _ layout: UnsafePointer<ferry_layout>!, _ element: UInt32,
  _ packed: UnsafeMutableRawPointer!
) -> ferry_status {
  call {
    let (from, to) = try unsafe ends(
      UnsafeMutableRawPointer(mutating: values), layout, element, packed)
    try to.write(from.values())
  }
}

@c @implementation
public func ferry_unpack(
  _ packed: UnsafeRawPointer!, _ layout: UnsafePointer<ferry_layout>!, _ element: UInt32,
  _ values: UnsafeMutableRawPointer!
) -> ferry_status {
  call {
    let (to, from) = try unsafe ends(
      values, layout, element, UnsafeMutableRawPointer(mutating: packed))
    try to.requireApart("values")
    try to.write(from.values())
  }
}

/// Elements that lie apart, and as many side by side.
private func ends(
  _ values: UnsafeMutableRawPointer?, _ layout: UnsafePointer<ferry_layout>?, _ element: UInt32,
  _ packed: UnsafeMutableRawPointer?
) throws -> (apart: Place, packed: Place) {
  guard let type = UInt8(exactly: element).flatMap(ElementType.init(number:)) else {
    throw DoorError("the element is \(element)")
  }
  guard unsafe layout != nil else { throw DoorError("the layout is NULL") }
  let apart = try unsafe Place(values, 0, layout, of: type, "values")
  return (apart, try unsafe Place(packed, apart.count, nil, of: type, "packed"))
}

@c @implementation
public func ferry_is_finished(_ pending: OpaquePointer!) -> Bool {
  (try? unsafe PendingDoor.behind(pending).isFinished) ?? true
}

@c @implementation
public func ferry_cancel(_ pending: OpaquePointer!) {
  try? unsafe PendingDoor.behind(pending).cancel()
}

@c @implementation
public func ferry_outcome(
  _ pending: OpaquePointer!, _ result: UnsafeMutablePointer<ferry_result>!
) -> ferry_status {
  call {
    let door = try unsafe PendingDoor.behind(pending)
    guard let result = unsafe result else { throw DoorError("the result's place is NULL") }
    let outcome = try door.wait()
    unsafe result.pointee = ferry_result(
      number: outcome.number, count: door.count(of: outcome),
      contributors: door.contributors(of: outcome), contributor_count: outcome.contributors.count)
  }
}

@c @implementation
public func ferry_set_place(
  _ pending: OpaquePointer!, _ place: UnsafeMutableRawPointer!, _ count: Int,
  _ layout: UnsafePointer<ferry_layout>!
) -> ferry_status {
  call {
    let door = try unsafe PendingDoor.behind(pending)
    guard let place = unsafe place else { return try door.move(to: nil) }
    let given = try unsafe Place(place, count, layout, of: door.type, "the place")
    try given.requireApart("the place")
    try door.move(to: given)
  }
}

@c @implementation
public func ferry_await(
  _ pending: OpaquePointer!, _ round: UnsafeMutablePointer<ferry_round>!
) -> ferry_status {
  let status = call {
    let door = try unsafe PendingDoor.behind(pending)
    let outcome = try door.wait()
    if let place = door.place.withLock({ $0 }) {
      guard place.fits(outcome.values.count) else {
        throw NoFit(
          description: "the result has \(outcome.values.count) elements, and there is a place for "
            + "\(place.count); see ferry_outcome and ferry_set_place")
      }
      try place.write(outcome.values)
    }
    guard let round = unsafe round else { return }
    unsafe round.pointee = ferry_round(
      number: outcome.number, contributors: UInt32(outcome.contributors.count),
      weight: outcome.contributors.reduce(0) { $0 + $1.weight })
  }
  guard let pending = unsafe pending, status != FERRY_NO_FIT else { return status }
  // SAFETY: gives back the reference that `PendingDoor.pointer` took; the header forbids another
  // call with this pointer.
  unsafe Unmanaged<PendingDoor>.fromOpaque(UnsafeRawPointer(pending)).release()
  return status
}
