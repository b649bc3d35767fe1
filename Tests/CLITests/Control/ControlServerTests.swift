// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ferry

@Suite("Control server")
struct ControlServerTests {
  private func folder() throws -> RunFolder {
    let folder = RunFolder(path: "/tmp/ferry-control-\(UUID().uuidString.prefix(8))")
    try folder.create()
    return folder
  }

  @Test("answers status and leave over its socket, and takes the socket away")
  func answers() async throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder.path) }
    let board = StatusBoard(sampleStatus())
    let stop = StopSignal()
    // Tests that compute hold the pool's threads for seconds: the product's deadline is too short.
    let server = ControlServer(folder: folder, board: board, stop: stop, seconds: 120)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run() }
      try await server.waitUntilListening()
      let client = ControlClient(folder: folder, seconds: 120)
      #expect(try await client.status() == sampleStatus())
      #expect(!stop.isRaised)
      #expect(try await client.leave().phase == .leaving)
      #expect(stop.isRaised)
      group.cancelAll()
      try await group.waitForAll()
    }
    #expect(!FileManager.default.fileExists(atPath: folder.control))
  }

  @Test("a socket that a killed run left is told from a run")
  func nobodyThere() async throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder.path) }
    try Data().write(to: URL(fileURLWithPath: folder.control))
    let error = await #expect(throws: CLIError.self) {
      try await ControlClient(folder: folder, seconds: 120).status()
    }
    #expect(error?.code == .runNotAnswering)
    #expect(error?.what == "the run does not answer: nobody listens on its socket")
  }

  @Test("the newest run is found, and no run is said")
  func finds() throws {
    let home = "/tmp/ferry-home-\(UUID().uuidString.prefix(8))"
    defer { try? FileManager.default.removeItem(atPath: home) }
    let environment = ["XDG_STATE_HOME": home]
    let error = #expect(throws: CLIError.self) {
      try RunFolder.find(nil, environment: environment)
    }
    #expect(error?.what == "no run is going on on this machine")
    let runs = RunFolder.home(environment: environment)
    var newest: RunFolder?
    for (number, age) in [100.0, 10, 50].enumerated() {
      let folder = try RunFolder.create(
        run: "r", in: runs, milliseconds: Int64(number) * 1000, processID: 1)
      try Data().write(to: URL(fileURLWithPath: folder.control))
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1_000_000 - age)],
        ofItemAtPath: folder.control)
      if age == 10 { newest = folder }
    }
    #expect(try RunFolder.find(nil, environment: environment) == newest)
  }

  @Test("a folder with a long path gets a socket with a short one")
  func longPath() {
    let folder = RunFolder(path: "/tmp/" + String(repeating: "long", count: 40))
    #expect(folder.control.utf8.count <= RunFolder.socketPathBytesMax)
    #expect(folder.control == RunFolder(path: folder.path).control)
  }

  @Test("what is private can be read by the owner only")
  func privacy() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder.path) }
    try folder.writePrivately("secret", to: folder.secret)
    let mode = try FileManager.default.attributesOfItem(atPath: folder.secret)[.posixPermissions]
    #expect((mode as? NSNumber)?.intValue == 0o600)
  }

  @Test("a stop signal calls its waiters once, late ones at once")
  func stopSignal() {
    let stop = StopSignal()
    let calls = Calls()
    stop.whenRaised { calls.add() }
    stop.raise()
    stop.raise()
    #expect(calls.count == 1)
    stop.whenRaised { calls.add() }
    #expect(calls.count == 2)
  }
}
