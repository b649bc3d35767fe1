// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Foundation
import Testing

@Suite("CommandRunner")
struct CommandRunnerTests {
  @Test("a program that does not end is stopped at its deadline; a missing one is reported")
  func processes() {
    let folder = NSTemporaryDirectory()
    let runner = ProcessRunner()
    let late = runner.run(["tail", "-f", "/dev/null"], in: folder, deadline: .zero)
    #expect(late == CommandResult(status: 124, errors: "tail did not end within 0 s"))
    #expect(runner.run(["no-such-program"], in: folder, deadline: .seconds(20)).status == 127)
    let told = runner.run(["ls", "/no/such/folder"], in: folder, deadline: .seconds(20))
    #expect(told.status != 0)
    #expect(told.lastError.contains("/no/such/folder"))
  }
}
