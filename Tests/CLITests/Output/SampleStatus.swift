// SPDX-License-Identifier: Apache-2.0

import ferry

/// A run in the middle of its twelfth round.
func sampleStatus() -> RunStatus {
  var status = RunStatus(run: "crossing", folder: "/runs/one", pid: 7, rounds: 30, steps: 100)
  status.phase = .training
  status.round = 12
  status.step = 50
  status.loss = 2.3456
  status.validation = 2.41
  status.tokensPerSecond = 15_432
  status.sent = BytesByPurpose(exchange: 29_000_000, catchUp: 5)
  status.dataParallelBytes = 7_800_000_000
  status.elapsedSeconds = 83.2
  status.remainingSeconds = 125
  status.peers = [
    RunStatus.Peer(
      id: "12D3KooWa", name: "north", address: "10.0.0.1:7700", state: .member, isSelf: true,
      isCoordinator: true, roundTripSeconds: nil, bytesSent: 29_000_005, bytesReceived: 12),
    RunStatus.Peer(
      id: "12D3KooWb", name: "south", address: "10.0.0.2:7700", state: .joining, isSelf: false,
      isCoordinator: false, roundTripSeconds: 0.0123, bytesPerSecond: 25e6, bytesSent: 12,
      bytesReceived: 29_000_000),
  ]
  return status
}
