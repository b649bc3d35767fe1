// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryPeers
import Foundation

/// What all peers of a run have alike without a word: PCCL's interface has no place for it.
enum Terms {
  static let rendezvousRun = "pccl"
  /// A secret that everybody knows: who reaches a port may join, as with PCCL itself. The links are
  /// encrypted all the same; only `FERRY_SECRET` keeps strangers out.
  private static let openSecret = String(repeating: "A", count: 43)

  static func secret() throws(PeersError) -> RunSecret {
    let given = ProcessInfo.processInfo.environment["FERRY_SECRET"]
    guard let secret = RunSecret(given ?? openSecret) else {
      throw PeersError(
        .wrongSecret, "FERRY_SECRET is not a secret", place: "environment",
        remedy: "Take one from `python3 -m ferry secret`, the same for the master and all peers.")
    }
    return secret
  }

  static var sealing: LinkSettings.Sealing {
    ProcessInfo.processInfo.environment["FERRY_CLEAR"] == "1" ? .clear : .encrypted
  }

  /// Where this process listens: on this machine alone if the master is on it.
  static func listen(for master: PeerAddress) -> PeerAddress {
    let isLocal = master.host.hasPrefix("127.") || master.host == "0:0:0:0:0:0:0:1"
    return PeerAddress(host: isLocal ? master.host : "", port: 0)
  }

  static func settings(
    master: PeerAddress, peerGroup: UInt32
  ) throws(PeersError) -> PeerGroup.Settings {
    var settings = PeerGroup.Settings(run: "pccl-\(peerGroup)", secret: try secret())
    settings.listen = listen(for: master)
    settings.sealing = sealing
    settings.group.operation = .sum
    // A program of this interface may compute for as long as it likes between two calls; only a peer
    // whose link is gone or silent is lost.
    settings.group.patience.workMin = .seconds(30 * 24 * 3600)
    settings.group.patience.workFirst = settings.group.patience.workMin
    return settings
  }

  /// Settings for the links between the master and the peers.
  static func rendezvousLinks(listen: PeerAddress) throws(PeersError) -> LinkSettings {
    var generator = SystemRandomNumberGenerator()
    var settings = LinkSettings(
      run: rendezvousRun, admission: .secret(try secret()), incarnation: generator.next(),
      listen: listen)
    settings.sealing = sealing
    return settings
  }
}

/// Reasons, for which the interface has only numbers.
enum Complaint {
  static func say(_ what: String) {
    FileHandle.standardError.write(Data("pccl: \(what)\n".utf8))
  }
}
