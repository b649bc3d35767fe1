// SPDX-License-Identifier: Apache-2.0

public import FerryPeers

/// After faults end, every living peer gets on, again and again.
public struct Progress<Logic: PeerLogic>: Checker {
  public let name: String
  /// The longest that a peer stood still after the end of faults, as far as inspections tell.
  public private(set) var standstillLongest: Duration = .zero

  private let after: Duration
  private let within: Duration
  private let counter: (borrowing Logic) -> Int
  private var last: [Int: (count: Int, since: Duration, incarnation: UInt64)] = [:]

  /// - Parameters:
  ///   - after: the end of faults, `FaultPlan.until`.
  ///   - within: a counter that stands still for longer is a failure. Above zero.
  ///   - counter: something of a peer that must grow, such as its rounds.
  public init(
    _ name: String = "progress", after: Duration, within: Duration,
    counter: @escaping (borrowing Logic) -> Int
  ) {
    precondition(within > .zero, "progress needs time, got \(within)")
    self.name = name
    self.after = after
    self.within = within
    self.counter = counter
  }

  public mutating func inspect(_ world: World<Logic>) -> String? {
    guard world.now >= after else { return nil }
    for peer in 0..<world.peerCount {
      guard let count = world.withLogic(peer, counter) else {
        last[peer] = nil
        continue
      }
      let incarnation = world.member(peer).incarnation
      guard let seen = last[peer], seen.incarnation == incarnation, seen.count >= count else {
        last[peer] = (count, world.now, incarnation)
        continue
      }
      let stood = world.now - seen.since
      standstillLongest = max(standstillLongest, stood)
      if stood > within {
        return "peer-\(peer) stands still at \(count) for \(stood), allowed are \(within)"
      }
    }
    return nil
  }
}
