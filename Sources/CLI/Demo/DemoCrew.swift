// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The processes of a demo: starts them, reads their logs, ends them, and tells why one failed.
struct DemoCrew {
  private let plan: DemoPlan
  private let stop: StopSignal
  /// By number, from 1; the peer that trains alone has number 0.
  private var children: [Int: ChildProcess] = [:]
  private var tails: [Int: LogTail] = [:]
  /// Ended on purpose.
  private(set) var killed: Set<Int> = []
  /// Which number has which id.
  private(set) var numbers: [String: Int] = [:]

  static let alone = 0
  /// Lines of a failed process's output that the error shows.
  private static let linesShown = 6

  init(plan: DemoPlan, stop: StopSignal) {
    self.plan = plan
    self.stop = stop
  }

  var isAnyRunning: Bool { children.values.contains(where: \.isRunning) }
  /// Numbers of those that live, ascending.
  var living: [Int] { children.filter(\.value.isRunning).keys.sorted() }

  func folder(of number: Int) -> RunFolder {
    number == Self.alone ? plan.aloneFolder : plan.folder(of: number)
  }

  func isRunning(_ number: Int) -> Bool { children[number]?.isRunning ?? false }
  func name(of id: String) -> String? { numbers[id].map { "peer \($0)" } }

  /// A sentence or an id with people's names in it.
  func named(_ text: String) -> String {
    numbers.reduce(text) { text, peer in
      text.replacing(peer.key, with: "peer \(peer.value)")
        .replacing(String(peer.key.suffix(6)), with: "peer \(peer.value)")
    }
  }

  mutating func start(_ number: Int, _ arguments: [String]) throws {
    let folder = folder(of: number)
    try folder.create()
    let child = ChildProcess(
      program: Self.program, arguments: arguments, output: "\(folder.path)/output.txt")
    try child.start()
    children[number] = child
    tails[number] = LogTail(path: folder.events)
    // At once, from the thread of the signal: a second Ctrl-C must find nothing left to end.
    stop.whenRaised { child.send(SIGKILL) }
  }

  /// This program itself.
  private static var program: String {
    let own = "/proc/self/exe"
    if let path = try? FileManager.default.destinationOfSymbolicLink(atPath: own) { return path }
    return Bundle.main.executablePath ?? CommandLine.arguments[0]
  }

  mutating func kill(_ number: Int) {
    killed.insert(number)
    children[number]?.send(SIGKILL)
  }

  func killAll() {
    for child in children.values { child.send(SIGKILL) }
  }

  /// What the logs say that was not read before, each with its writer's number.
  mutating func news() -> [(number: Int, event: Event)] {
    var news: [(Int, Event)] = []
    for number in tails.keys.sorted() {
      for event in tails[number]?.read() ?? [] {
        if case .started(let it) = event.content, it.part == .run { numbers[event.peer] = number }
        news.append((number, event))
      }
    }
    return news
  }

  /// - Throws: when a process ended that was not killed, other than with success.
  func checkEndings() async throws {
    for (number, child) in children where !child.isRunning && !killed.contains(number) {
      let status = await child.wait()
      guard status == 0 else { throw failed(number, "ended with status \(status)") }
    }
  }

  /// The error for a process: what happened, and the last that it said.
  func failed(_ number: Int, _ what: String) -> CLIError {
    let output = "\(folder(of: number).path)/output.txt"
    let said = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
    let last = said.split(separator: "\n").suffix(Self.linesShown).map { "\n  \($0.prefix(300))" }
    return CLIError(
      .demoFailed,
      what: "\(number == Self.alone ? "the peer alone" : "peer \(number)") \(what)"
        + (last.isEmpty ? "" : "; it said last:\(last.joined())\n"),
      place: output, remedy: "Read the whole output there; `ferry doctor` may know more.")
  }
}
