// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryTensors

/// One operation with everything that all ranks give: what machines are made of, and what they
/// should give, worked out plainly.
struct Trial {
  var operation: Operation
  var weights: [Double]
  let counts: [[Int]]
  let inputs: [Values]
  let seed: Seed

  var world: Int { counts.count }

  /// Any trial of this kind: values, counts, roots and weights by chance.
  init(_ operation: Operation, world: Int, count: Int, seed: Seed) {
    var chance = SplitMix64(seed.derived("trial"))
    func draw(_ below: Int) -> Int { Int(chance.next() % UInt64(below)) }
    var operation = operation
    operation.root = draw(world)
    operation.destination = draw(world)
    let type = operation.elementType
    var weights = [Double](repeating: 1, count: world)
    if [.allReduce, .reduceScatter].contains(operation.kind), draw(2) == 0 {
      let isWeighted = operation.reduce.rawValue < 2 && type != .bool
      let choices = isWeighted ? type.isWhole ? [0, 1, 3] : [0, 0.5, 1, 2] : [0, 1]
      weights = weights.map { _ in choices[draw(choices.count)] }
      weights[draw(world)] = isWeighted ? 2 : 1
    }
    self.operation = operation
    self.weights = weights
    let root = operation.root
    counts = (0..<world).map { rank in
      switch operation.kind {
      case .allReduce, .reduceScatter: [count]
      case .allGather, .gather: [count + rank * 3 % 5]
      case .broadcast, .send: rank == root ? [count] : []
      case .scatter: rank == root ? (0..<world).map { count + $0 * 3 % 5 } : []
      case .allToAll: (0..<world).map { (count + $0 * 3 + rank) % (count + 5) }
      case .barrier: []
      }
    }
    inputs = counts.enumerated().map { rank, counts in
      Self.values(type, counts.reduce(0, +), seed.derived("values", UInt64(rank)))
    }
    self.seed = seed
  }

  /// Values whose sums and products of nine are exact in every type of reals; any bits for others.
  private static func values(_ type: ElementType, _ count: Int, _ seed: Seed) -> Values {
    var chance = SplitMix64(seed)
    func bytes(_ count: Int) -> [UInt8] {
      (0..<count).map { _ in UInt8(truncatingIfNeeded: chance.next() >> 40) }
    }
    let reals = bytes(count).map { [-2, -1, 1, 2][Int($0) % 4] as Float }
    switch type {
    case .f32: return .f32(reals)
    case .f64: return .f64(reals.map(Double.init))
    case .f16: return .f16(reals.map(Half.init))
    case .bf16: return .bf16(reals.map(BFloat16.init))
    case .bool: return .bool(reals.map { $0 > 0 })
    default:
      let raw = bytes(count * type.byteWidth)
      guard let values = try? Values(type, count: count, bytes: raw.span.elementBytes) else {
        preconditionFailure("whole numbers of any bits")
      }
      return values
    }
  }

  func machines(pieceElements: Int? = 16) throws -> [any CollectiveMachine] {
    try (0..<world).map { rank in
      try operation.machine(
        rank: rank, weights: weights, input: inputs[rank], counts: counts, seed: seed,
        pieceElements: pieceElements)
    }
  }

  /// What each rank should end with.
  var expected: [Values] {
    let none = Values(operation.elementType)
    let (root, all) = (operation.root!, 0..<world)
    func joined(_ parts: [Values]) -> Values {
      Values.joined(parts, of: operation.elementType)
    }
    /// The part of a rank's input that goes to another.
    func part(_ from: Int, _ to: Int) -> Values {
      let start = counts[from].prefix(to).reduce(0, +)
      return inputs[from][start..<start + counts[from][to]]
    }
    switch operation.kind {
    case .allReduce: return all.map { _ in reduced }
    case .reduceScatter:
      let (base, longer) = reduced.count.quotientAndRemainder(dividingBy: world)
      return all.map { rank in
        let start = rank * base + min(rank, longer)
        return reduced[start..<start + base + (rank < longer ? 1 : 0)]
      }
    case .allGather: return all.map { _ in joined(inputs) }
    case .broadcast: return all.map { _ in inputs[root] }
    case .gather: return all.map { $0 == root ? joined(inputs) : none }
    case .scatter: return all.map { part(root, $0) }
    case .allToAll: return all.map { to in joined(all.map { part($0, to) }) }
    case .send: return all.map { $0 == operation.destination ? inputs[root] : none }
    case .barrier: return all.map { _ in none }
    }
  }

  private var reduced: Values {
    func plain<Element: FoldableElement>(_: Element.Type) throws -> Values {
      let isMean = operation.reduce == .mean
      let unit = isMean && !operation.elementType.isWhole ? weights.max()! : 1
      let fold: Fold =
        switch operation.reduce {
        case .sum, .mean: .sum
        case .product: .product
        case .min: .min
        case .max: .max
        }
      var sum: [Element] = []
      for (rank, input) in inputs.enumerated() where weights[rank] > 0 {
        let values: [Element] = Bytes.values(in: input.bytes.span.elementBytes)
        let scaled = values.map { $0.times(weights[rank] / unit) }
        sum = sum.isEmpty ? scaled : zip(sum, scaled).map { Element.fold(fold, $0, $1) }
      }
      if isMean {
        let divisor = weights.reduce(0) { $0 + $1 / unit }
        sum = sum.map { $0.over(divisor) }
      }
      return try Values(
        operation.elementType, count: sum.count, bytes: sum.span.elementBytes)
    }
    let types: [ElementType: any FoldableElement.Type] = [
      .f32: Float.self, .f64: Double.self, .f16: Half.self, .bf16: BFloat16.self, .i8: Int8.self,
      .i16: Int16.self, .i32: Int32.self, .i64: Int64.self, .u8: UInt8.self, .u16: UInt16.self,
      .u32: UInt32.self, .u64: UInt64.self, .bool: Flag.self,
    ]
    guard let values = try? plain(types[operation.elementType]!) else {
      preconditionFailure("sums have their type's bytes")
    }
    return values
  }
}
