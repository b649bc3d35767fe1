// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryTensors
import Testing

@Suite("Operations that cannot be")
struct OperationRefusalTests {
  @Test("a codec of floats does not take other elements, and says so")
  func codec() {
    for type in ElementType.allCases {
      for codec in CodecKind.allCases {
        let refusal = Operation(.allReduce, codec: codec, elementType: type).refusal
        #expect((refusal == nil) == (type == .f32 || codec == .float32), "\(type) \(codec)")
      }
    }
    #expect(
      Operation(.broadcast, codec: .int4, root: 0, elementType: .i64).refusal?.description
        == "bad-operation: int4 is a codec of F32, and the values are I64 (broadcast). Send these "
        + "as they are, with the codec f32, or convert them to F32 first.")
  }

  @Test("a kind that has no such way says which it has")
  func ways() {
    for kind in Operation.Kind.allCases {
      for way in AllReduceAlgorithm.allCases {
        let operation = Operation(kind, algorithm: way)
        #expect(
          (operation.refusal == nil) == (way == .automatic || operation.ways.contains(way)))
      }
    }
    #expect(
      Operation(.allGather, algorithm: .tree).refusal?.description
        == "bad-operation: there is no such way: tree (allGather). "
        + "Choose automatic or direct, ring.")
  }
}
