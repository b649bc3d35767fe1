// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import FerryOptimalTransport
import Testing

extension EngineTests {
  @Suite("Codebook layer")
  struct CodebookLayerTests {
    private static func normal(_ seed: UInt64, _ shape: [Int]) throws -> Tensor {
      try RandomKey(Seed(seed)).normal(shape: shape, deviation: 1)
    }

    @Test(
      "codes and numbers are those of the library",
      arguments: [CodeAssignment.nearest, .entropic(0.05), .even])
    func values(assignment: CodeAssignment) throws {
      let (n, parts, words, width) = (40, 3, 4, 2)
      let x = try Self.normal(1, [n, parts * width])
      let layer = try CodebookLayer(Self.normal(2, [parts, words, width]))
      let coded = try layer(x, assigning: assignment)
      let quantizer = try layer.quantizer()
      let decoded = try quantizer.decoded(coded.codes).coordinates.map { Float($0) }
      #expect(try coded.chosen.floats() == decoded)
      #expect(try zip(coded.vectors.floats(), decoded).allSatisfy { abs($0 - $1) < 1e-6 })
      let points = try x.points()
      if assignment == .nearest {
        #expect(try quantizer.codes(of: points) == coded.codes)
      } else {
        // No codeword is left out, which nearest ones are here.
        #expect(CodeUsage(coded.codes, parts: parts, codewords: words).loadMost <= 11)
        #expect(
          try CodeUsage(quantizer.codes(of: points), parts: parts, codewords: words).loadMost > 15)
      }
    }

    @Test("gradients by codewords are those of differences, codes held")
    func codewords() throws {
      let (n, parts, words, width) = (12, 2, 3, 2)
      let x = try Self.normal(3, [n, parts * width])
      let weights = try Self.normal(4, [n, parts * width])
      let start = try Self.normal(5, [parts, words, width])
      func loss(_ books: Tensor) throws -> Tensor {
        let coded = try CodebookLayer(books)(x, assigning: .nearest)
        return try (coded.vectors.square() * weights + coded.chosen * weights).sum()
      }
      let gradient = try valueAndGradient(at: [start]) { try loss($0[0]) }.gradients[0].floats()
      let numbers = try start.floats()
      for at in numbers.indices {
        func value(_ step: Float) throws -> Float {
          var moved = numbers
          moved[at] += step
          return try loss(Tensor(moved, shape: start.shape)).scalar()
        }
        let slope = try (value(1e-2) - value(-1e-2)) / 2e-2
        #expect(abs(slope - gradient[at]) < 2e-3 * max(1, abs(gradient[at])), "\(at)")
      }
    }

    @Test("what comes back to coded vectors goes straight through to the vectors, and no other way")
    func straight() throws {
      let layer = try CodebookLayer(Self.normal(6, [2, 4, 3]))
      let weights = try Self.normal(7, [9, 6])
      let x = try Self.normal(8, [9, 6])
      let through = try valueAndGradient(at: [x]) {
        try (layer($0[0], assigning: .even).vectors.square() * weights).sum()
      }.gradients[0].floats()
      let chosen = try layer(x, assigning: .even).chosen
      #expect(
        try zip(through, (chosen * weights * 2).floats()).allSatisfy { abs($0 - $1) < 1e-5 })
      let beside = try valueAndGradient(at: [x]) {
        try (layer($0[0], assigning: .even).chosen * weights + $0[0] * 0).sum()
      }.gradients[0].floats()
      #expect(beside.allSatisfy { $0 == 0 })
    }

    @Test("shapes that do not fit are refused")
    func refusals() throws {
      let layer = try CodebookLayer(Tensor(repeating: 1, shape: [2, 3, 4]))
      let vectors = #expect(throws: LearningError.self) {
        try layer(Tensor(repeating: 1, shape: [5, 7]), assigning: .nearest)
      }
      #expect(vectors?.description.contains("codebook layer") == true)
      let books = #expect(throws: LearningError.self) {
        try CodebookLayer(Tensor(repeating: 1, shape: [1, 257, 1]))
      }
      #expect(books?.description.contains("at most 256 codewords") == true)
    }
  }
}
