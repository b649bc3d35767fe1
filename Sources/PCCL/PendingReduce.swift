// SPDX-License-Identifier: Apache-2.0

internal import CPCCL
import FerryCollectives

/// An all-reduce of this peer, from its start until it was awaited.
///
/// The result is put together aside, and written over the receive buffer when it is whole: whatever
/// happens before leaves both buffers as they were.
struct PendingReduce: Sendable {
  let call: ReduceCall
  let source: Place
  let target: Place
  private var floats: [Float] = []
  private var bytes: [UInt8] = []
  private(set) var result: pcclResult_t?
  private(set) var world = 0
  var sent: UInt64 = 0
  var received: UInt64 = 0

  init(_ call: ReduceCall, from source: Place, into target: Place) {
    (self.call, self.source, self.target) = (call, source, target)
  }

  /// A slice that the group added up.
  mutating func take(_ sums: ArraySlice<Float>, world: Int) {
    self.world = world
    floats += sums
  }

  /// A slice that was gathered and reduced here.
  mutating func take(_ slice: [UInt8], world: Int) {
    self.world = world
    bytes += slice
  }

  mutating func restart() {
    floats = []
    bytes = []
  }

  mutating func finish() {
    if call.isAdded {
      if call.operation == .average {
        let share = Float(world)
        for i in floats.indices { floats[i] /= share }
      }
      target.write(floats[...], at: 0)
    } else {
      target.write(bytes, at: 0)
    }
    restart()
    result = pcclSuccess
  }

  mutating func fail(_ reason: pcclResult_t) {
    restart()
    result = reason
  }
}
