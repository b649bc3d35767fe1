// SPDX-License-Identifier: Apache-2.0

/// What the demo will do, decided before anything is started.
package struct DemoPlan: Equatable, Sendable {
  package let folder: String
  package let settings: [String]

  package init(quick: Bool, folder: String, settings: [String]) throws(CLIError) {
    self.folder = folder
    self.settings = settings
  }
}

struct DemoDriver {
  let plan: DemoPlan
  let console: Console

  func run() async throws {
    throw CLIError(.notWired, what: "", place: "", remedy: "")
  }
}
