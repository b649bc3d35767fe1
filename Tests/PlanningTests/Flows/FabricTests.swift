// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning
import Testing

@Suite("Fabric")
struct FabricTests {
  @Test("every direction of every link has an index of its own")
  func links() throws {
    let fabric = try Fabric(leaves: 3, hostsPerLeaf: 2, spines: 4, hostCapacity: 7)
    var all: [Int] = []
    for host in 0..<6 { all += [fabric.link(from: host), fabric.link(to: host)] }
    for leaf in 0..<3 {
      for spine in 0..<4 {
        all += [fabric.link(leaf: leaf, up: spine), fabric.link(spine: spine, down: leaf)]
      }
    }
    #expect(all.sorted() == Array(0..<fabric.linkCount))
    let narrow = fabric.setting(capacity: 0.5, leaf: 2, spine: 1)
    #expect(narrow.capacity(ofLink: narrow.link(leaf: 2, up: 1)) == 0.5)
    #expect(narrow.capacity(ofLink: narrow.link(spine: 1, down: 2)) == 0.5)
    #expect(narrow.capacity(ofLink: narrow.link(to: 5)) == 7)
    #expect((0..<fabric.linkCount).filter { narrow.capacity(ofLink: $0) == 0.5 }.count == 2)
  }

  @Test("paths share alike, or by their narrower link; failed ones take nothing")
  func shares() throws {
    let fabric = try Fabric(leaves: 3, hostsPerLeaf: 1, spines: 4)
      .setting(capacity: 0.5, leaf: 0, spine: 1)
      .setting(capacity: 0.25, leaf: 1, spine: 1)
      .setting(capacity: 0, leaf: 1, spine: 3)
    #expect(try fabric.shares(from: 0, to: 1, by: .equal) == [1 / 3.0, 1 / 3.0, 1 / 3.0, 0])
    #expect(
      try fabric.shares(from: 0, to: 1, by: .byCapacity)
        == [1 / 2.25, 0.25 / 2.25, 1 / 2.25, 0])
    #expect(try fabric.failing(spines: [0]).shares(from: 0, to: 2, by: .equal)[0] == 0)
  }

  @Test("what cannot be built is refused with its numbers")
  func refuses() {
    #expect(throws: PlanningError.self) { try Fabric(leaves: 0, hostsPerLeaf: 1, spines: 1) }
    #expect(throws: PlanningError.self) { try Fabric(leaves: 1, hostsPerLeaf: 0, spines: 1) }
    #expect(throws: PlanningError.self) { try Fabric(leaves: 1, hostsPerLeaf: .max, spines: 1) }
    #expect(throws: PlanningError.self) { try Fabric(leaves: 1, hostsPerLeaf: 1, spines: 257) }
    #expect(throws: PlanningError.self) {
      try Fabric(leaves: 1, hostsPerLeaf: 1, spines: 1, linkCapacity: .nan)
    }
    let error = #expect(throws: PlanningError.self) {
      try Fabric(leaves: 8, hostsPerLeaf: 8, spines: 4).failing(spines: [1, 4])
    }
    #expect(
      error?.description
        == "fabric-out-of-range: spines [1, 4] cannot fail (4 spines). Name spines from 0 to 3, "
        + "and leave one.")
    #expect(throws: PlanningError.self) {
      try Fabric(leaves: 8, hostsPerLeaf: 8, spines: 2).failing(spines: [0, 1])
    }
    let cut = #expect(throws: PlanningError.self) {
      try Fabric(leaves: 2, hostsPerLeaf: 1, spines: 2)
        .setting(capacity: 0, leaf: 0, spine: 0).setting(capacity: 0, leaf: 1, spine: 1)
        .shares(from: 0, to: 1, by: .byCapacity)
    }
    #expect(
      cut?.description
        == "no-path: no spine is left between them (leaves 0 and 1). Let fewer links fail.")
  }
}
