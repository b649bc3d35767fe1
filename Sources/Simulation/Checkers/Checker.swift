// SPDX-License-Identifier: Apache-2.0

public import FerryPeers

/// Watches a world for what never may be.
///
/// A complaint is a sentence with the numbers; it ends the run with a `WorldFailure` that carries
/// the seed.
public protocol Checker<Logic> {
  associatedtype Logic: PeerLogic

  /// Printed with a complaint.
  var name: String { get }

  /// Looks at one peer after each event it handled.
  ///
  /// - Parameter at: world time, which no peer knows.
  /// - Returns: a complaint, or nil. O(1) is expected: this runs hundreds of thousands of times.
  mutating func observe(_ logic: borrowing Logic, peer: Int, at: Duration) -> String?

  /// A process is gone, and with it what its logic held.
  mutating func died(peer: Int, at: Duration)

  /// Looks at the whole world, every `World.inspectionPause` and at the end of each run.
  mutating func inspect(_ world: World<Logic>) -> String?
}

extension Checker {
  public mutating func observe(_ logic: borrowing Logic, peer: Int, at: Duration) -> String? { nil }
  public mutating func died(peer: Int, at: Duration) {}
  public mutating func inspect(_ world: World<Logic>) -> String? { nil }
}

/// Holds after every event of every peer.
public struct Always<Logic: PeerLogic>: Checker {
  public let name: String
  private let complaint: (borrowing Logic, Int) -> String?

  /// - Parameter complaint: takes a logic and its peer's index; nil when all is well.
  public init(_ name: String, complaint: @escaping (borrowing Logic, Int) -> String?) {
    self.name = name
    self.complaint = complaint
  }

  public mutating func observe(_ logic: borrowing Logic, peer: Int, at: Duration) -> String? {
    complaint(logic, peer)
  }
}
