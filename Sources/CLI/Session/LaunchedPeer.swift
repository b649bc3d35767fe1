// SPDX-License-Identifier: Apache-2.0

import FerryPeers
import Foundation

/// One of the processes that torchrun, mpirun or Slurm started: rank 0 begins the run, the others join.
struct LaunchedPeer {
  let told: LaunchEnvironment
  let secret: RunSecret

  /// - Throws: `.badEnvironment`.
  init(_ environment: [String: String]) throws(PeersError) {
    guard let told = try LaunchEnvironment(environment) else {
      throw PeersError(
        .badEnvironment, "no launcher started this process", place: "--launched",
        remedy: "Start it by torchrun, mpirun or srun, or leave --launched out.")
    }
    guard let secret = told.secret else {
      throw PeersError(
        .badEnvironment, "FERRY_SECRET is not set", place: "--launched",
        remedy: "Take one from `python3 -m ferry secret`, and give it to all processes.")
    }
    (self.told, self.secret) = (told, secret)
  }

  /// What goes before the file; the run's own values come from rank 0.
  var settings: [String] {
    let host = told.isOneMachine ? told.meeting.host : "0.0.0.0"
    guard told.rank == 0 else { return ["peers.listen=\(host):0"] }
    return ["peers.listen=\(host):\(told.meeting.port)", "run.peers=\(told.size)"]
  }

  func role(run: String, resume: Bool) -> RunSession.Role {
    guard told.rank > 0 else { return .first(resume: resume) }
    return .joiner(JoinLine(address: told.meeting, run: run, secret: secret, peer: nil))
  }

  /// Ranks on one machine are different peers: all but the first have a folder of their own in its.
  func identity(_ given: String?, _ environment: [String: String]) -> String? {
    let local = told.localRank ?? told.rank
    guard local > 0 else { return given }
    return "\(given ?? IdentityPlace.home(environment: environment))/rank-\(local)"
  }
}
