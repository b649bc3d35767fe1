// SPDX-License-Identifier: Apache-2.0

import FerryLearning
import Testing

extension EngineTests {
  /// Values and gradients of every operation against PyTorch in f64, and against differences.
  @Suite("Golden values")
  struct GoldenTests {
    typealias Inputs = [String: Tensor]
    typealias Operation = @Sendable (_ inputs: Inputs, _ integers: Inputs) throws -> Tensor

    static let elementary: [String: Operation] = [
      "add": { x, _ in try x["a"]! + x["b"]! },
      "subtract": { x, _ in try x["a"]! - x["b"]! },
      "multiply": { x, _ in try x["a"]! * x["b"]! },
      "divide": { x, _ in try x["a"]! / x["b"]! },
      "maximum": { x, _ in try x["a"]!.maximum(x["b"]!) },
      "minimum": { x, _ in try x["a"]!.minimum(x["b"]!) },
      "negate": { x, _ in try -x["a"]! },
      "exp": { x, _ in try x["a"]!.exp() },
      "log": { x, _ in try x["a"]!.log() },
      "tanh": { x, _ in try x["a"]!.tanh() },
      "square-root": { x, _ in try x["a"]!.squareRoot() },
      "inverse-square-root": { x, _ in try x["a"]!.inverseSquareRoot() },
      "magnitude": { x, _ in try x["a"]!.magnitude() },
      "square": { x, _ in try x["a"]!.square() },
      "sigmoid": { x, _ in try x["a"]!.sigmoid() },
      "matmul": { x, _ in try x["a"]!.matmul(x["b"]!) },
      "matmul-one-matrix": { x, _ in try x["a"]!.matmul(x["b"]!) },
      "sum": { x, _ in try x["a"]!.sum([0, 2]) },
      "mean": { x, _ in try x["a"]!.mean([1], keepingAxes: true) },
      "max": { x, _ in try x["a"]!.max([-1]) },
      "log-sum-exp": { x, _ in try x["a"]!.logSumExp([-1]) },
      "reshape": { x, _ in try x["a"]!.reshaped([6, -1]) },
      "transpose": { x, _ in try x["a"]!.transposed([2, 0, 1]) },
      "slice": { x, _ in try x["a"]!.slice(axis: 1, 1..<3) },
      "concatenate": { x, _ in try Tensor.concatenated([x["a"]!, x["b"]!], axis: 1) },
      "choose": { x, _ in
        try x["a"]!.isGreater(than: x["b"]!).choose(x["a"]! * 2, x["b"]!)
      },
    ]

    static let fused: [String: Operation] = [
      "gelu": { x, _ in try x["x"]!.gelu() },
      "softmax": { x, _ in try x["x"]!.softmax(scale: 0.5) },
      "softmax-causal": { x, _ in try x["x"]!.softmax(scale: 0.5, masking: .causal) },
      "layer-norm": { x, _ in
        try x["x"]!.layerNorm(weight: x["weight"]!, bias: x["bias"]!, epsilon: 1e-5)
      },
      "rms-norm": { x, _ in try x["x"]!.rmsNorm(weight: x["weight"]!, epsilon: 1e-5) },
      "linear": { x, _ in try x["x"]!.linear(weight: x["weight"]!, bias: x["bias"]!) },
      "linear-unbiased": { x, _ in try x["x"]!.linear(weight: x["weight"]!, bias: nil) },
      "attention": { x, _ in try x["qkv"]!.causalAttention(heads: 2) },
      "attention-short": { x, _ in try x["qkv"]!.causalAttention(heads: 3) },
      "embedding": { x, i in try x["table"]!.rows(at: i["indices"]!) },
      "positions": { x, _ in try x["x"]!.addingPositions(x["table"]!) },
      "convolution": { x, _ in
        try x["x"]!.convolution(weight: x["weight"]!, bias: x["bias"]!, stride: 1, padding: 1)
      },
      "convolution-strided": { x, _ in
        try x["x"]!.convolution(weight: x["weight"]!, bias: x["bias"]!, stride: 2, padding: 2)
      },
      "max-pool": { x, _ in try x["x"]!.pooled(.max, window: 2, stride: 2) },
      "max-pool-overlapping": { x, _ in try x["x"]!.pooled(.max, window: 3, stride: 2) },
      "mean-pool": { x, _ in try x["x"]!.pooled(.mean, window: 3, stride: 2) },
      "cross-entropy": { x, i in try x["logits"]!.crossEntropy(i["classes"]!) },
    ]

    /// f32 against f64: a few units in the last place of the largest number.
    static let distanceMax = 4e-6

    @Test("elementary operations agree with PyTorch in f64")
    func elementaryAgree() throws {
      try check("elementary", Self.elementary, .best)
    }

    @Test(
      "fused operations agree with PyTorch in f64, whichever kernels run",
      arguments: Engine.Kernels.allCases)
    func fusedAgree(kernels: Engine.Kernels) throws {
      try check("fused", Self.fused, kernels)
    }

    @Test("gradients agree with finite differences")
    func differences() throws {
      for (file, operations) in [("elementary", Self.elementary), ("fused", Self.fused)] {
        for golden in try Golden.read(file, as: Golden.Cases.self).cases {
          let names = golden.inputs.keys.sorted()
          let inputs = try names.map { try golden.inputs[$0]!.tensor }
          let scalar = { (tensors: [Tensor]) in try Self.scalar(golden, operations, names, tensors)
          }
          let gradients = try valueAndGradient(at: inputs, of: scalar).gradients
          // Along one direction of ±1, small enough not to pass a kink of these inputs.
          let step: Float = 1 / 256
          var moved: [[Tensor]] = [[], []]
          var slope = 0.0
          for (input, gradient) in zip(inputs, gradients) {
            let direction = (0..<input.count).map { Float($0 * 5 % 7 < 3 ? 1 : -1) }
            slope += zip(direction, try gradient.floats()).reduce(0) { $0 + Double($1.0 * $1.1) }
            let change = try Tensor(direction, shape: input.shape) * step
            moved[0].append(try input - change)
            moved[1].append(try input + change)
          }
          let values = try moved.map { Double(try scalar($0).scalar()) }
          let found = (values[1] - values[0]) / (2 * Double(step))
          let size = try gradients.reduce(0.05) { $0 + (try $1.magnitude().sum().scalar()) }
          #expect(abs(found - slope) < 4e-3 * Double(size), "\(golden.name): \(found), \(slope)")
        }
      }
    }

    private func check(
      _ file: String, _ operations: [String: Operation], _ kernels: Engine.Kernels
    ) throws {
      Engine.use(kernels)
      defer { Engine.use(.best) }
      let cases = try Golden.read(file, as: Golden.Cases.self).cases
      #expect(Set(cases.map(\.name)) == Set(operations.keys))
      for golden in cases {
        let names = golden.inputs.keys.sorted()
        let inputs = try names.map { try golden.inputs[$0]!.tensor }
        let output = try Self.output(golden, operations, names, inputs)
        let distance = try Golden.distance(output, golden.output)
        #expect(distance < Self.distanceMax, "\(golden.name), \(kernels)")
        let gradients = try valueAndGradient(at: inputs) {
          try Self.scalar(golden, operations, names, $0)
        }.gradients
        for (name, gradient) in zip(names, gradients) {
          let distance = try Golden.distance(gradient, golden.gradients[name]!)
          #expect(distance < Self.distanceMax, "gradient of \(golden.name) by \(name), \(kernels)")
        }
      }
    }

    private static func output(
      _ golden: GoldenCase, _ operations: [String: Operation], _ names: [String], _ inputs: [Tensor]
    ) throws -> Tensor {
      let integers = try golden.integers.mapValues { try $0.integers }
      return try operations[golden.name]!(
        Dictionary(uniqueKeysWithValues: zip(names, inputs)), integers)
    }

    private static func scalar(
      _ golden: GoldenCase, _ operations: [String: Operation], _ names: [String], _ inputs: [Tensor]
    ) throws -> Tensor {
      try (output(golden, operations, names, inputs) * golden.cotangent.tensor).sum()
    }
  }
}
