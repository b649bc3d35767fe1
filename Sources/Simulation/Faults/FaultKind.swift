// SPDX-License-Identifier: Apache-2.0

/// What can go wrong in a world.
public enum FaultKind: Int, CaseIterable, Sendable {
  /// A packet is lost: its frame, and all behind it, wait for TCP to send it again.
  case loss
  /// A frame is held up.
  case delay
  /// A connection breaks; both sides see it, frames under way are lost.
  case reset
  /// An attempt to open a link to a living peer fails.
  case refusal
  /// Groups of peers cannot reach each other.
  case partition
  /// One group cannot reach another, which still reaches it.
  case oneWayPartition
  /// A process dies; its machine answers for it that it is gone.
  case crash
  /// A machine dies without a word; what its disk had not flushed is lost.
  case powerLoss
  /// A dead peer starts again, with its identity and its disk, and a new incarnation.
  case restart
  /// A peer takes long over each event.
  case slowness
  /// A process is stopped (SIGSTOP) and later goes on.
  case stop
  /// A peer starts with a clock that is off and drifts.
  case clockSkew
  /// A write to a simulated disk fails, or only its first part is written.
  case disk
}

/// How often each kind of fault really happened.
public struct FaultCounts: Sendable, Equatable, CustomStringConvertible {
  private var counts = [Int](repeating: 0, count: FaultKind.allCases.count)

  public init() {}

  public subscript(kind: FaultKind) -> Int {
    get { counts[kind.rawValue] }
    set { counts[kind.rawValue] = newValue }
  }

  public var total: Int { counts.reduce(0, +) }

  public static func += (left: inout FaultCounts, right: FaultCounts) {
    for kind in FaultKind.allCases { left[kind] += right[kind] }
  }

  /// `crash 3, reset 12`; kinds that never happened are left out.
  public var description: String {
    let seen = FaultKind.allCases.filter { self[$0] > 0 }
    return seen.isEmpty ? "no faults" : seen.map { "\($0) \(self[$0])" }.joined(separator: ", ")
  }
}
