// SPDX-License-Identifier: Apache-2.0

/// What the world has to do at some time, as plain bytes: a binary heap moves it often.
package struct Appointment: BitwiseCopyable, Sendable {
  package enum Kind: UInt8, BitwiseCopyable, Sendable {
    /// The first item of pipe `index` arrives.
    case arrival
    /// The alarm of peer `index` rings.
    case alarm
    /// The busy peer `index` takes the next event from its inbox.
    case drain
    /// Attempt `index` to open a link takes its next step.
    case dial
    /// The reader of pipe `index` may have heard nothing for too long.
    case silence
    /// Peer `index` starts.
    case birth
    /// A fault of kind `index` recurs.
    case fault
    /// The fault in slot `index` ends.
    case faultEnd
    /// Line `index` of the script is due.
    case script
    /// The time of faults is over.
    case peace
    /// Injection `index` is due.
    case injection
    /// The checkers look at the whole world.
    case inspection
  }

  /// Nanoseconds since the world began.
  package let time: Int64
  /// Grows with every appointment; breaks ties, so that equal times keep their order.
  package let ticket: UInt64
  package let kind: Kind
  package let index: Int32
  /// An appointment whose epoch is not that of its subject any more was cancelled.
  package let epoch: UInt32
}

/// The world's appointments, earliest first: a binary heap on (time, ticket).
package struct EventHeap: Sendable {
  private var entries: [Appointment] = []
  private var tickets: UInt64 = 0

  package init() { entries.reserveCapacity(1024) }

  package var count: Int { entries.count }

  package var earliest: Appointment? { entries.first }

  /// O(log n).
  package mutating func push(
    _ kind: Appointment.Kind, at time: Int64, index: Int = 0, epoch: UInt32 = 0
  ) {
    tickets += 1
    let entry = Appointment(
      time: time, ticket: tickets, kind: kind, index: Int32(index), epoch: epoch)
    entries.append(entry)
    var child = entries.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard Self.precedes(entry, entries[parent]) else { break }
      entries[child] = entries[parent]
      child = parent
    }
    entries[child] = entry
  }

  /// O(log n); nil when there is nothing left to do.
  package mutating func pop() -> Appointment? {
    guard let top = entries.first, let last = entries.popLast() else { return nil }
    let count = entries.count
    guard count > 0 else { return top }
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < count else { break }
      if child + 1 < count, Self.precedes(entries[child + 1], entries[child]) { child += 1 }
      guard Self.precedes(entries[child], last) else { break }
      entries[parent] = entries[child]
      parent = child
    }
    entries[parent] = last
    return top
  }

  private static func precedes(_ a: Appointment, _ b: Appointment) -> Bool {
    a.time < b.time || (a.time == b.time && a.ticket < b.ticket)
  }
}
