// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Testing

@Suite("Parity")
struct ParityTests {
  private struct Shelf: Parity.Source {
    var held: [String: HostTensor]
    var tensors: [TensorDescription] {
      held.map {
        TensorDescription(name: $0.key, elementType: $0.value.elementType, shape: $0.value.shape)
      }
    }
    func tensor(_ name: String) throws(TensorError) -> HostTensor { held[name]! }
  }

  @Test("the same tensors in another order are equal")
  func equal() throws {
    let a = Shelf(held: ["x": HostTensor([1, 2] as [Float]), "y": HostTensor([3] as [Float])])
    let b = Shelf(held: ["y": HostTensor([3] as [Float]), "x": HostTensor([1, 2] as [Float])])
    let parity = try Parity(a, b)
    #expect(parity.isEqual && parity.tensorCount == 2 && parity.elementCount == 3)
    #expect(parity.differingCount == 0)
  }

  @Test("what is missing, of another type or shape, or of other bits is named in order")
  func different() throws {
    let a = Shelf(held: [
      "bits": HostTensor([1, 2] as [Float]), "here": HostTensor([1] as [Float]),
      "shape": HostTensor([1, 2] as [Float]), "same": HostTensor([9] as [Float]),
      "type": HostTensor([1] as [Float]),
    ])
    let b = Shelf(held: [
      "bits": HostTensor([1, 3] as [Float]), "there": HostTensor([1] as [Float]),
      "shape": HostTensor([1, 2] as [Float], shape: [2, 1]), "same": HostTensor([9] as [Float]),
      "type": HostTensor([1] as [Int32]),
    ])
    let parity = try Parity(a, b)
    #expect(!parity.isEqual && parity.tensorCount == 4)
    #expect(parity.differences.map(\.name) == ["bits", "here", "shape", "there", "type"])
    #expect(parity.differingCount == 1)
    guard case .elements(_, let bits) = parity.differences[0] else {
      Issue.record("\(parity.differences[0])")
      return
    }
    #expect(bits.first.index == 1)
    #expect(
      parity.differences[1] == .onlyInFirst(TensorDescription(name: "here", shape: [1])))
    #expect(
      parity.differences[3] == .onlyInSecond(TensorDescription(name: "there", shape: [1])))
  }
}
