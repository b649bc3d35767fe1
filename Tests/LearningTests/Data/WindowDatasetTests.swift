// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import Testing

@Suite("WindowDataset")
struct WindowDatasetTests {
  private func dataset() throws -> WindowDataset {
    // Every byte of the training part is different, so windows can be told apart.
    let corpus = try Corpus(bytes: (1...220).map { UInt8($0) }, name: "x", validationFraction: 0.2)
    return try WindowDataset(corpus, context: 5, seed: Seed(9))
  }

  @Test("targets are the inputs one byte later")
  func shifted() throws {
    let batch = try dataset().batch(positions: [0..<3, 10..<12])
    #expect(batch.rows == 5)
    #expect(batch.context == 5)
    #expect(batch.inputs.count == 25)
    #expect(zip(batch.inputs, batch.targets).allSatisfy { $0 + 1 == $1 })
  }

  @Test("a pass has every byte of the training part but the first as a target, once")
  func onePass() throws {
    let data = try dataset()
    #expect(data.count == 35)
    let targets = data.batch(positions: [0..<data.count]).targets
    #expect(targets.sorted() == Array(2...176))
    #expect(data.batch(positions: [35..<70]).targets.sorted() == Array(2...176))
    #expect(data.batch(positions: [35..<70]).targets != targets)
  }

  @Test("validation windows are fixed, spread, and never of the training part")
  func validation() throws {
    let data = try dataset()
    #expect(data.validationCount == 8)
    let batches = data.validationBatches(rows: 3, windows: 100)
    #expect(batches.map(\.rows) == [3, 3, 2])
    #expect(batches.flatMap(\.inputs) == Array(177...216))
    #expect(data.validationBatches(rows: 3, windows: 100) == batches)
    let few = data.validationBatches(rows: 2, windows: 2)
    #expect(few.map(\.rows) == [2])
    #expect(few[0].inputs == Array(177...181) + Array(197...201))
  }
}
