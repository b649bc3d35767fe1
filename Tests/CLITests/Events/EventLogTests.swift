// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ferry

@Suite("Event log")
struct EventLogTests {
  /// A folder of the test's own.
  private func folder() throws -> String {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("ferry-events-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  @Test("what is written is read back")
  func roundTrip() throws {
    let events = SyntheticRun.events()
    let bytes = try events.flatMap { Array(try EventLog.line($0)) }
    let reading = EventReader.read(bytes)
    #expect(reading.events == events)
    #expect(reading.skipped == 0 && !reading.isTorn)
  }

  @Test("a line is one flat object with its kind")
  func lineFormat() throws {
    let event = Event(t: 5, peer: "p", .roundOpened(Event.RoundOpened(round: 3, view: 2)))
    #expect(
      String(decoding: try EventLog.line(event), as: UTF8.self)
        == "{\"kind\":\"round-opened\",\"peer\":\"p\",\"round\":3,\"t\":5,\"view\":2}\n")
  }

  @Test("numbers that JSON lacks survive")
  func nonNumbers() throws {
    let event = Event(
      t: 5, peer: "p", .step(Event.Step(step: 1, loss: .infinity, tokensPerSecond: 2)))
    #expect(EventReader.read(Array(try EventLog.line(event))).events == [event])
  }

  @Test("a torn last line is dropped wherever it is cut")
  func tornLine() throws {
    let events = Array(SyntheticRun.events().prefix(3))
    let lines = try events.map { Array(try EventLog.line($0)) }
    let whole = lines[0] + lines[1]
    for cut in 1..<lines[2].count {
      let reading = EventReader.read(whole + lines[2][..<cut])
      #expect(reading.events == Array(events.prefix(2)))
      #expect(reading.isTorn && reading.skipped == 0)
    }
  }

  @Test("a bad line costs one event, not the log")
  func badLine() throws {
    let event = SyntheticRun.events()[0]
    let line = Array(try EventLog.line(event))
    let reading = EventReader.read(
      line + Array("garbage\n{\"t\":1,\"peer\":\"p\",\"kind\":\"new-kind\"}\n\n".utf8) + line)
    #expect(reading.events == [event, event])
    #expect(reading.skipped == 2)
  }

  @Test("a restarted peer appends behind its torn line")
  func restart() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = "\(folder)/events.jsonl"
    let first = try EventLog(path: path, peer: "p", now: { 1 })
    first.write(.roundOpened(Event.RoundOpened(round: 1, view: 1)))
    first.close()
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes.append(Data("{\"t\":2,\"pe".utf8))
    try bytes.write(to: URL(fileURLWithPath: path))
    let second = try EventLog(path: path, peer: "p", now: { 3 })
    second.write(.roundOpened(Event.RoundOpened(round: 2, view: 1)))
    second.close()
    second.write(.roundOpened(Event.RoundOpened(round: 3, view: 1)))
    #expect(try EventReader.read(folder: folder).map(\.t) == [1, 3])
  }

  @Test("a folder without logs says so")
  func noLogs() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let error = #expect(throws: CLIError.self) { try EventReader.read(folder: folder) }
    #expect(error?.code == .runNotFound)
    #expect(error?.what == "there is no event log (*.jsonl) here")
    try Data("nonsense\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/a.jsonl"))
    let other = #expect(throws: CLIError.self) { try EventReader.read(folder: folder) }
    #expect(other?.what == "none of 1 lines in 1 logs is an event")
  }
}
