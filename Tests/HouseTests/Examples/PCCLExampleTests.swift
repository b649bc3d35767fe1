// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A C program written for PCCL's interface, with the library that takes PCCL's place.
@Suite("PCCL example")
struct PCCLExampleTests {
  @Test(
    "peers learn on when one is killed, and when the master is; a newcomer gets the state",
    .enabled(if: Example.isBuilt("pccl")))
  func survives() throws {
    let example = try Example("pccl_sums", library: "pccl", header: "CPCCL")
    // Of this process's own, so that tests can run beside one another.
    let port = String(41_000 + Int(getpid()) % 8_000)
    // Enough to have some left at every step below.
    let peer = ["peer", port, "4000"]

    let master = try example.run(["master", port])
    try #require(Example.wait { master.lines == ["listening"] }, "\(master.lines)")
    let first = try example.run(peer)
    let second = try example.run(peer)
    try #require(
      Example.wait { second.lines.count > 20 && first.lines.count > 20 },
      "\(first.lines.last ?? "") \(second.lines.last ?? "")")
    let third = try example.run(peer)
    try #require(Example.wait { third.lines.count > 20 }, "\(third.lines)")
    #expect(third.lines.contains { $0.hasPrefix("received 4000 bytes of revision ") })
    first.stop()
    let count = third.lines.count
    try #require(Example.wait { third.lines.count > count + 20 }, "\(third.lines.last ?? "")")
    // PCCL's own runs end with their master. Not a peer's business here.
    master.stop()
    try #require(
      Example.wait { !second.process.isRunning && !third.process.isRunning },
      "\(second.lines.last ?? "") \(third.lines.last ?? "")")
    for run in [second, third] {
      #expect(run.process.terminationStatus == 0, "\(run.lines.last ?? "")")
      #expect(run.lines.contains { $0.contains("world 3 ") })
      #expect(run.lines.last == "revision 4000 world 2 first 1")
    }
  }

  @Test(
    "nobody at the master's address is a result, and says so",
    .enabled(if: Example.isBuilt("pccl")))
  func nobody() throws {
    let example = try Example("pccl_sums", library: "pccl", header: "CPCCL")
    let peer = try example.run(["peer", "1", "1"])
    try #require(Example.wait { !peer.process.isRunning })
    #expect(peer.process.terminationStatus == 1)
    #expect(peer.lines.last == "connect: result 6", "pcclMasterConnectionFailed")
    #expect(peer.lines.first?.hasPrefix("pccl: no master at 127.0.0.1:1: ") == true)
  }
}
