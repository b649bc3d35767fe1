// SPDX-License-Identifier: Apache-2.0

internal import CPCCL
import FerryCodecs
import FerryCollectives

/// An all-reduce as a program describes it.
struct ReduceRequest: Sendable {
  let tag: UInt64
  let kind: ElementKind
  let operation: ElementOperation
  /// The program asks for 8 bits a value on the way: two roundings in all, however many peers.
  let isQuantized: Bool
  let source: Place
  let target: Place

  func call() throws -> Call {
    let isShrunk = isQuantized && kind == .float32 && [.sum, .average].contains(operation)
    return .allReduce(
      try source.values(kind.type), operation.reduce, codec: isShrunk ? .int8 : .float32)
  }
}

/// An all-reduce of this peer, from its start until it was awaited.
struct PendingReduce: Sendable {
  let request: ReduceRequest
  let call: PendingCall

  /// Waits for its end, and writes the result, if it is whole; else the buffers stay as they were.
  ///
  /// - Returns: what became of it, and of how many peers it is.
  func finish() -> (result: pcclResult_t, world: Int) {
    do {
      let outcome = try call.wait()
      let world = outcome.contributors.count
      guard world > 1 else { return (pcclRankConnectionLost, world) }
      request.target.write(outcome.values)
      return (pcclSuccess, world)
    } catch {
      Complaint.say("\(error)")
      return (error.code == .mismatch ? pcclInvalidArgument : pcclRankConnectionLost, 0)
    }
  }
}
