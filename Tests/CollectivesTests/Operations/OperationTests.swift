// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryTensors
import Testing

/// What every operation promises, for every type, way, world and length, in any order of arrival.
@Suite("Operation")
struct OperationTests {
  /// A topology in which everything is odd: any world from 1.
  static func topology(_ world: Int) -> Topology {
    let pairs = stride(from: 0, to: world, by: 2).map { Array($0..<min($0 + 2, world)) }
    let hosts = stride(from: 0, to: pairs.count, by: 2).map {
      pairs[$0..<min($0 + 2, pairs.count)].flatMap(\.self)
    }
    return Topology(
      order: (0..<world).map { world - 1 - $0 }, hub: world / 2,
      shares: (0..<world).map { $0 == world / 2 ? 0 : Double($0 + 1) }.map { world == 1 ? 1 : $0 },
      islands: [pairs, hosts])
  }

  @Test(
    "gives every rank what it should, for every element type", arguments: Operation.Kind.allCases,
    ElementType.allCases)
  func laws(kind: Operation.Kind, type: ElementType) throws {
    for world in 1...9 {
      for count in Set([0, 1, world - 1, world, 203]).sorted() {
        for (number, way) in (Operation(kind).ways + [.automatic]).enumerated() {
          let seed = Seed(UInt64(world * 10_000 + count)).derived("law", UInt64(number))
          var operation = Operation(kind, algorithm: way, elementType: type)
          let reductions = ReduceOperation.allCases.filter { type != .bool || $0 != .mean }
          operation.reduce = reductions[Int(seed.value % UInt64(reductions.count))]
          if seed.value >> 32 & 1 == 1 { operation.topology = Self.topology(world) }
          let trial = Trial(operation, world: world, count: count, seed: seed)
          var fabric = Fabric(try trial.machines(), order: seed)
          #expect(fabric.machines.allSatisfy { $0.output == nil || $0.isDone })
          try fabric.run()
          #expect(fabric.machines.allSatisfy { $0.isDone && $0.awaited.isEmpty })
          let outputs = fabric.machines.map { $0.output?.bytes }
          let isRight = outputs == trial.expected.map(\.bytes)
          #expect(
            isRight, "\(trial.operation), weights \(trial.weights), \(count) values, \(world)")
        }
      }
    }
  }

  @Test("every reduction of every type", arguments: ElementType.allCases)
  func reductions(type: ElementType) throws {
    for reduce in ReduceOperation.allCases where type != .bool || reduce != .mean {
      for way in Operation(.allReduce).ways {
        let operation = Operation(.allReduce, reduce: reduce, algorithm: way, elementType: type)
        let trial = Trial(operation, world: 5, count: 100, seed: Seed(UInt64(reduce.rawValue)))
        var fabric = Fabric(try trial.machines(), order: Seed(4))
        try fabric.run()
        #expect(fabric.machines.map { $0.output?.bytes } == trial.expected.map(\.bytes))
      }
    }
  }

  @Test("the order of arrival changes no bit, with codecs and odd weights", arguments: 1...12)
  func orderOfArrival(order: UInt64) throws {
    let values = (0..<6).map { Values.f32(sample(777, Seed(UInt64($0)))) }
    for way in AllReduceAlgorithm.allCases {
      for codec in [CodecKind.float32, .int8Stochastic] {
        var operation = Operation(.allReduce, reduce: .mean, algorithm: way, codec: codec)
        operation.topology.islands = [[[0, 3, 5], [1, 2, 4]]]
        func results(_ order: Seed) throws -> [[UInt8]?] {
          let machines = try (0..<6).map { rank in
            try operation.machine(
              rank: rank, weights: [1, 2, 0, 0.5, 1, 3], input: values[rank],
              counts: Array(repeating: [777], count: 6), seed: Seed(9), pieceElements: 50)
          }
          var fabric = Fabric(machines, order: order)
          try fabric.run()
          return fabric.machines.map { $0.output?.bytes }
        }
        let (first, again) = (try results(Seed(0)), try results(Seed(order)))
        #expect(first[0] != nil && first.allSatisfy { $0 == first[0] }, "\(way) \(codec)")
        #expect(first == again, "\(way) \(codec)")
      }
    }
  }

  @Test(
    "sums worked out as pieces are finished are those of the whole result, on every rank",
    arguments: [Operation.Kind.allReduce, .allGather, .broadcast])
  func fingerprints(kind: Operation.Kind) throws {
    var made: Set<AllReduceAlgorithm> = []
    for way in Operation(kind).ways {
      for codec in [CodecKind.float32, .int8] where kind == .allReduce || codec == .float32 {
        var operation = Operation(kind, reduce: .mean, algorithm: way, codec: codec)
        operation.root = kind == .broadcast ? 1 : nil
        let machines = try (0..<4).map { rank in
          try operation.machine(
            rank: rank, input: .f32(sample(4000 + 3, Seed(UInt64(rank)))),
            counts: (0..<4).map { kind == .broadcast && $0 != 1 ? [] : [4003] }, seed: Seed(9),
            fingerprintSeed: Seed(2), pieceElements: 300)
        }
        var fabric = Fabric(machines, order: Seed(5))
        try fabric.run()
        for machine in fabric.machines {
          let bytes = try #require(machine.output).bytes
          guard let sums = machine.fingerprint else { continue }
          made.insert(way)
          #expect(
            sums == Fingerprint(seed: Seed(2)).sums(of: bytes.span.elementBytes),
            "\(way) \(codec)")
        }
      }
    }
    #expect(made.isSuperset(of: [.ring, .direct]), "\(made)")
  }

  @Test("whoever has not come is awaited, and a barrier waits", arguments: Operation.Kind.allCases)
  func absent(kind: Operation.Kind) throws {
    for way in Operation(kind).ways {
      for world in 2...9 {
        for absent in 0..<world {
          let trial = Trial(
            Operation(kind, algorithm: way), world: world, count: 50, seed: Seed(UInt64(absent)))
          var machines = try trial.machines()
          var queue: [(from: Int, Outgoing)] = []
          for rank in 0..<world where rank != absent {
            queue += try machines[rank].start().map { (rank, $0) }
          }
          while !queue.isEmpty {
            let (from, message) = queue.removeFirst()
            guard message.rank != absent else { continue }
            queue += try machines[message.rank].receive(message.chunk, from: from).map {
              (message.rank, $0)
            }
          }
          let waiting = (0..<world).filter { $0 != absent && !machines[$0].isDone }
          let awaited = waiting.map { machines[$0].awaited }
          #expect(zip(waiting, awaited).allSatisfy { !$1.isEmpty && !$1.contains($0) })
          // One after the other they lead to whoever is not there.
          #expect(waiting.isEmpty || awaited.contains { $0.contains(absent) }, "\(way) \(world)")
          #expect(awaited.allSatisfy { $0.allSatisfy((waiting + [absent]).contains) })
          if kind == .barrier { #expect(waiting.count == world - 1, "rank \(absent)") }
        }
      }
    }
  }

  @Test("comes back from its wire form", arguments: Operation.Kind.allCases)
  func wire(kind: Operation.Kind) throws {
    for type in ElementType.allCases {
      for way in AllReduceAlgorithm.allCases {
        let operation = Operation(
          kind, reduce: .product, algorithm: way, codec: .int4, root: 1023, destination: 7,
          elementType: type, topology: Self.topology(9))
        #expect(try Operation(decoding: operation.encoded()) == operation)
      }
    }
  }

  @Test("bytes that are no operation are refused")
  func malformed() {
    let good = Operation(.send, topology: Self.topology(5)).encoded()
    for count in 0..<good.count {
      #expect(throws: MalformedMessage.self) { try Operation(decoding: Array(good.prefix(count))) }
    }
    #expect(throws: MalformedMessage.self) { try Operation(decoding: good + [0]) }
    for place in 0..<5 {
      var bad = good
      bad[place] = 99
      #expect(throws: MalformedMessage.self) { try Operation(decoding: bad) }
    }
    #expect(throws: MalformedMessage.self) {
      try Operation(decoding: [UInt8](repeating: 1, count: Operation.wireBytesMax + 1))
    }
  }
}
