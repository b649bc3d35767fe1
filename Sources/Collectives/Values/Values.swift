// SPDX-License-Identifier: Apache-2.0

/// interim
public enum Values: Sendable, Equatable {
  case float32([Float])
  public var count: Int {
    switch self {
    case .float32(let values): values.count
    }
  }
}
extension CollectiveMachine {
  var output: Values? {
    (self as? any AllReduceMachine)?.result.map { .float32($0) }
      ?? (self as? AllGather)?.result.map { .float32($0) }
  }
}
