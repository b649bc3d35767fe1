// SPDX-License-Identifier: Apache-2.0

import FerryPeers

extension GroupLogic {
  /// Drops what is kept of a channel on which nothing is under way, to make room for others.
  ///
  /// For channels that no member will call on again: one that did would count from 1, and the others
  /// would not.
  public mutating func forget(_ channel: Channel) {
    let number = channel.number
    guard let state = channels[number], state.calls.isEmpty, state.exchange == nil else { return }
    channels[number] = nil
    membership.standing.exchanges[number] = nil
  }
}

extension PeerGroup {
  /// Drops what is kept of channels that no member will call on again, and that nothing is under way
  /// on: a group keeps only so many (`ExchangeStanding.channelsMax`).
  public func forget(_ channels: [Channel]) {
    post { logic, _ in
      for channel in channels { logic.forget(channel) }
      return []
    }
  }
}
