// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import Testing

extension EngineTests {
  @Suite("Tensors")
  struct TensorTests {
    static func ones(_ shape: Int...) throws -> Tensor { try Tensor(repeating: 1, shape: shape) }

    typealias Wrong = @Sendable () throws -> Any
    static let wrong: [(name: String, call: Wrong, message: String)] = [
      (
        "add", { try ones(2, 3) + ones(2, 4) },
        "shape-mismatch: [2, 3] does not go with [2, 4] (+). "
          + "Extents must be equal, or 1, counted from the last axis."
      ),
      (
        "matmul", { try ones(2, 3).matmul(ones(2, 3)) },
        "shape-mismatch: [2, 3] does not go with [2, 3] (matmul). "
          + "The last extent on the left must be the last but one on the right."
      ),
      (
        "linear", { try ones(5, 3).linear(weight: ones(4, 2), bias: nil) },
        "shape-mismatch: [5, 3] does not go with [4, 2] (linear). "
          + "The input's last extent must be the weight's first."
      ),
      (
        "bias", { try ones(5, 4).linear(weight: ones(4, 2), bias: ones(3)) },
        "shape-mismatch: [4, 2] does not go with [3] (linear). "
          + "The bias must have the weight's second extent."
      ),
      (
        "reshape", { try ones(2, 3).reshaped([4, 2]) },
        "shape-mismatch: [2, 3] does not go with [4, 2] (reshape). "
          + "Both must have the same number of elements."
      ),
      (
        "slice", { try ones(2, 3).slice(axis: 1, 1..<4) },
        "shape-mismatch: 1..<4 is not within axis 1 of [2, 3] (slice). "
          + "Use a range within 0 ..< 3."
      ),
      (
        "axis", { try ones(2, 3).sum([2]) },
        "shape-mismatch: [2, 3] has no axis 2 (sum). Use an axis from -2 to 1."
      ),
      (
        "layer norm", { try ones(2, 3).layerNorm(weight: ones(3), bias: ones(2), epsilon: 1) },
        "shape-mismatch: [2, 3] does not go with [2] (layer norm). "
          + "Weight and bias must have the input's last extent."
      ),
      (
        "attention", { try ones(1, 2, 9).causalAttention(heads: 2) },
        "shape-mismatch: [1, 2, 9] does not hold queries, keys and values of 2 heads (attention). "
          + "Give [batch, time, 3 · heads · head width]."
      ),
      (
        "classes", { try ones(2, 5).crossEntropy(Tensor(integers: [1, 2, 3], shape: [3])) },
        "shape-mismatch: [2, 5] does not go with [3] (cross-entropy). "
          + "Give one class for each row of logits."
      ),
      (
        "kind", { try ones(2, 5).rows(at: ones(2)) },
        "shape-mismatch: elements are f32, not i32 (embedding). Convert it with as(_:)."
      ),
      (
        "convolution",
        {
          try ones(1, 4, 4, 2).convolution(
            weight: ones(3, 3, 3, 1), bias: ones(3), stride: 1, padding: 0)
        },
        "shape-mismatch: [1, 4, 4, 2] does not go with [3, 3, 3, 1] (convolution). "
          + "Give [batch, height, width, in] and [out, kh, kw, in], the kernel not the larger."
      ),
      (
        "pool", { try ones(1, 2, 2, 1).pooled(.max, window: 3, stride: 1) },
        "shape-mismatch: [1, 2, 2, 1] does not go with [3, 3] (pooling). "
          + "Give [batch, height, width, channels] no smaller than the window."
      ),
      (
        "elements", { try Tensor([1, 2, 3], shape: [2, 2]) },
        "shape-mismatch: 3 elements do not fill [2, 2] (tensor). Give 4 elements."
      ),
      (
        "scalar", { try ones(2).scalar() },
        "shape-mismatch: [2] is not one number (scalar). Reduce it first, or read floats()."
      ),
    ]

    @Test("shapes that do not fit are errors that say which", arguments: wrong.indices)
    func shapeErrors(index: Int) throws {
      let error = try #require(throws: LearningError.self) { _ = try Self.wrong[index].call() }
      #expect("\(error)" == Self.wrong[index].message)
    }

    @Test("an index outside gives NaN, not another's memory", arguments: [-1, 5, Int32.max])
    func strangeIndex(index: Int32) throws {
      let table = try Self.ones(5, 3)
      #expect(
        try table.rows(at: Tensor(integers: [2, index], shape: [2])).floats().map(\.isNaN)
          == [false, false, false, true, true, true])
      #expect(
        try Self.ones(2, 5).crossEntropy(Tensor(integers: [2, index], shape: [2])).scalar().isNaN)
    }

    @Test("NaN in the logits comes out of the loss", arguments: Engine.Kernels.allCases)
    func notANumber(kernels: Engine.Kernels) throws {
      Engine.use(kernels)
      defer { Engine.use(.best) }
      // The second is a NaN with a payload, as damaged files have.
      for (place, value) in [(0, Float.nan), (7, Float(bitPattern: 0x7FC0_0001)), (9, -.nan)] {
        var logits = [Float](repeating: 0, count: 20)
        logits[place] = value
        let loss = try Tensor(logits, shape: [2, 10]).crossEntropy(
          Tensor(integers: [1, 2], shape: [2]))
        #expect(try loss.scalar().isNaN)
      }
    }

    @Test("among equal elements the maximum's gradient goes to the first alone")
    func ties() throws {
      let gradient = try valueAndGradient(at: [Self.ones(1, 2, 2, 1)]) {
        try $0[0].pooled(.max, window: 2, stride: 2).sum()
      }.gradients[0]
      #expect(try gradient.floats() == [1, 0, 0, 0])
    }

    @Test("a loss that is not one number is an error")
    func vectorLoss() throws {
      let error = try #require(throws: LearningError.self) {
        _ = try valueAndGradient(at: [Self.ones(3)]) { try $0[0] * 2 }
      }
      #expect(
        "\(error)"
          == "shape-mismatch: the loss has shape [3] (gradient). "
          + "A loss is one number; take its mean or sum.")
    }

    @Test("an error thrown in a loss comes out as it is")
    func ownError() {
      struct Own: Error, Equatable { let number: Int }
      #expect(throws: Own(number: 7)) {
        _ = try valueAndGradient(at: [Self.ones(3)]) { _ in throw Own(number: 7) }
      }
    }

    @Test("large logits give a finite loss")
    func largeLogits() throws {
      let logits = try Tensor([1e30, -1e30, 3e38, -3e38], shape: [2, 2])
      #expect(try logits.crossEntropy(Tensor(integers: [0, 0], shape: [2])).scalar() == 0)
    }

    @Test("tensors cross threads before they are evaluated")
    func threads() async throws {
      let sums = try await withThrowingTaskGroup(of: Float.self) { group in
        for number in 0..<8 {
          let lazy = try Tensor(repeating: Float(number), shape: [100]).softmax() + Float(number)
          group.addTask { try lazy.sum().scalar() }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(sums.map { ($0 / 100).rounded() }.sorted() == (0..<8).map(Float.init))
    }
  }
}
