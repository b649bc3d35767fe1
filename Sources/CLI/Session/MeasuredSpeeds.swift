// SPDX-License-Identifier: Apache-2.0

import FerryCollectives
import FerryPeers
import Synchronization

/// What the group has measured of its links, for who asks from another thread: as of the last time
/// that anybody asked.
final class MeasuredSpeeds: Sendable {
  private let latest = Mutex<[PeerID: Double]>([:])

  /// Bytes a second from each peer to this one.
  func look(through loop: LinkLoop<RunLogic>) -> [PeerID: Double] {
    loop.post { [self] logic, _ in
      let speeds = logic.group.measuredSpeeds
      latest.withLock { $0 = speeds }
      return []
    }
    return latest.withLock { $0 }
  }
}
