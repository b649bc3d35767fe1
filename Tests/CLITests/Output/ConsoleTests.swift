// SPDX-License-Identifier: Apache-2.0

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

  @Test("faults of the input end with 2, all others with 1")
  func exits() {
    let place = (what: "", place: "", remedy: "")
    let make = { CLIError($0, what: place.what, place: place.place, remedy: place.remedy) }
    #expect(make(.configurationUnknownKey).exitStatus == .badInput)
    #expect(make(.runNotFound).exitStatus == .badInput)
    #expect(make(.portInUse).exitStatus == .failed)
    #expect(make(.demoFailed).exitStatus == .failed)
  }

  @Test("a room's error about input ends with 2 too")
  func roomExits() {
    let badLine = #expect(throws: PeersError.self) { try JoinLine.parse("nonsense") }
    if let badLine { #expect(ExitStatus(badLine) == .badInput) }
  }
}
