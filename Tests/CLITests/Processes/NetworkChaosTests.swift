// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Eight processes on eight hosts of a network laboratory, and 1,500 faults an hour: kills, stops,
/// black holes, partitions, lost and late packets. `make chaos` runs it; so does
///
///     Tools/netlab/netlab run --hosts 8 --on 1 -- swift test -c release --filter NetworkChaos
@Suite("Network chaos", .serialized, .enabled(if: Laboratory.isHere, "make chaos runs it"))
struct NetworkChaosTests {
  enum Fault: String, CaseIterable { case kill, stop, blackHole, partition, oneWay, loss, delay }

  static let peersMax = 8
  static let faultsAnHour = 1500.0
  /// A majority is left whole: without one the group rightly waits.
  static let troubledMax = 3
  static let lasting = 0.5...6.0

  private let crew: Crew
  private var counts: [Fault: Int] = [:]
  /// Slots that cannot take part, and until when.
  private var troubled: [Int: Date] = [:]
  /// What ends a fault of the network, and when.
  private var endings: [(at: Date, line: String)] = []

  init() throws {
    crew = try Crew(size: Self.peersMax, seed: ChaosTests.seed)
  }

  @Test("1,500 faults an hour among eight peers: no hang, equal hashes, clean ledgers")
  mutating func storm() throws {
    try #require(Laboratory.addresses.count >= Self.peersMax, "netlab run --hosts 8")
    for slot in 0..<Self.peersMax { try crew.begin(slot, through: crew.up) }
    #expect(crew.allWork(beyond: 0, within: 120))
    let began = Date.now
    var number = 0.0
    while Date.now.timeIntervalSince(began) < ChaosTests.seconds {
      number += 1
      let due = began.addingTimeInterval(number * 3600 / Self.faultsAnHour)
      repeat {
        try clear(by: .now)
        try startOne()
        crew.expectNobodyEnded()
        Thread.sleep(forTimeInterval: min(0.2, max(0.01, due.timeIntervalSinceNow)))
      } while Date.now < due
      try strike()
    }
    let seconds = Date.now.timeIntervalSince(began)
    try clear(by: .distantFuture)
    crew.resume(all: true)
    while !crew.free.isEmpty { try startOne() }
    let rounds = try crew.settle()
    let total = counts.values.reduce(0, +)
    let kinds = Fault.allCases.map { "\($0) \(counts[$0, default: 0])" }.joined(separator: ", ")
    print(
      """
      network chaos: seed \(crew.seed), \(total) faults in \(Int(seconds)) s, \
      \(Int(Double(total) / seconds * 3600)) an hour: \(kinds); \(rounds) rounds, \(crew.lives) lives
      """)
    #expect(rounds > 10)
    #expect(Double(total) >= 0.9 * seconds * Self.faultsAnHour / 3600)
    if total >= 100 {
      for fault in Fault.allCases { #expect(counts[fault, default: 0] > 3, "\(fault)") }
    }
  }

  private var whole: [Int] { crew.up.filter { troubled[$0] == nil } }
  private var troubleCount: Int { Self.peersMax - whole.count }

  private mutating func startOne() throws {
    guard let slot = crew.free.first else { return }
    try crew.begin(slot, through: whole)
  }

  /// Ends the faults whose time has come.
  private mutating func clear(by now: Date) throws {
    for ending in endings where ending.at <= now { try Laboratory.control(ending.line) }
    endings.removeAll { $0.at <= now }
    troubled = troubled.filter { $0.value > now }
    crew.resume()
  }

  /// One fault, of a kind that leaves a majority.
  private mutating func strike() throws {
    var fault = Fault.allCases[crew.roll(Fault.allCases.count)]
    let room = Self.troubledMax - troubleCount
    if room <= 0, ![.loss, .delay].contains(fault) {
      fault = crew.roll(2) == 0 ? .loss : .delay
    }
    guard !whole.isEmpty else { return }
    let slot = crew.any(of: whole)
    let until = Date(timeIntervalSinceNow: crew.seconds(Self.lasting))
    counts[fault, default: 0] += 1
    switch fault {
    case .kill: crew.kill(slot)
    case .stop:
      crew.stop(slot, for: until.timeIntervalSinceNow)
    case .blackHole: try cut([slot], "both", until: until)
    case .oneWay: try cut([slot], "", until: until)
    case .partition:
      let few = Array(whole.shuffled(using: &crew.random).prefix(Int(crew.seconds(1...3.9))))
      try cut(Array(few.prefix(max(1, room))), "both", until: until)
    case .loss:
      let percent = Int(crew.seconds(2...20))
      try change(slot, to: "loss=\(percent)%", and: "loss=0%", until: until)
    case .delay:
      let milliseconds = Int(crew.seconds(20...200))
      try change(slot, to: "delay=\(milliseconds)ms", and: "delay=100us", until: until)
    }
  }

  private func others(than slots: [Int]) -> String {
    (0..<Self.peersMax).filter { !slots.contains($0) }.map { "\($0 + 1)" }.joined(separator: ",")
  }

  private mutating func cut(_ slots: [Int], _ ways: String, until: Date) throws {
    let pair = "\(slots.map { "\($0 + 1)" }.joined(separator: ",")) \(others(than: slots)) \(ways)"
    try Laboratory.control("cut \(pair)")
    endings.append((until, "heal \(pair)"))
    for slot in slots { troubled[slot] = until }
  }

  private mutating func change(_ slot: Int, to what: String, and back: String, until: Date) throws {
    for pair in ["\(slot + 1) \(others(than: [slot]))", "\(others(than: [slot])) \(slot + 1)"] {
      try Laboratory.control("set \(pair) \(what)")
      endings.append((until, "set \(pair) \(back)"))
    }
  }
}
