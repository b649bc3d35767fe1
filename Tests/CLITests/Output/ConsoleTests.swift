// SPDX-License-Identifier: Apache-2.0

import FerryLearning
import FerryPeers
import Testing
import ferry

@Suite("Console")
struct ConsoleTests {
  @Test("an error is one object with stable keys")
  func errorObject() {
    let error = CLIError(.portInUse, what: "the \"port\"", place: "here", remedy: "Move.")
    #expect(
      Console.json(ErrorObject(error)) == """
        {"error":{"code":"port-in-use","place":"here","remedy":"Move.","what":"the \\"port\\""}}
        """)
  }

  @Test("keys are in snake case and sorted")
  func keys() {
    let text = Console.json(sampleStatus())
    #expect(text.contains("\"data_parallel_bytes\":7800000000,\"elapsed_seconds\":83.2"))
    #expect(!text.contains("\n"))
  }

  @Test("color and redrawing need a terminal, and neither CI nor --json")
  func standard() {
    // Tests write to no terminal, so nothing may be live whatever the environment says.
    let console = Console.standard(format: .text, environment: ["TERM": "xterm"])
    #expect(!console.isLive && !console.hasColor)
  }

  @Test("what cannot be used ends with 2, what goes wrong on the way with 1")
  func exits() {
    func status(_ code: CLIError.Code) -> ferry.ExitStatus {
      ExitStatus(CLIError(code, what: "", place: "", remedy: ""))
    }
    func status(_ code: PeersError.Code) -> ferry.ExitStatus {
      ExitStatus(PeersError(code, "", place: "", remedy: ""))
    }
    func status(_ code: CheckpointError.Code) -> ferry.ExitStatus {
      ExitStatus(CheckpointError(code, "", at: "", remedy: ""))
    }
    #expect(status(.configurationUnknownKey) == .refused)
    #expect(status(.runNotFound) == .refused)
    #expect(status(CLIError.Code.portInUse) == .refused)
    #expect(status(.demoFailed) == .failed)
    #expect(status(.peerUnreachable) == .failed)
    #expect(status(PeersError.Code.portInUse) == .refused)
    #expect(status(.wrongSecret) == .refused)
    #expect(status(.otherVersion) == .refused)
    #expect(status(.badHandshake) == .failed)
    #expect(status(.mismatch) == .refused)
    #expect(status(.diskFull) == .failed)
  }
}
