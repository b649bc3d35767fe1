// SPDX-License-Identifier: Apache-2.0

import FerryCodecs
import FerryTensors

extension Operation {
  /// Why no group can do it, whoever takes part; nil when it can be done.
  public var refusal: CollectiveError? {
    if kind != .allReduce, algorithm != .automatic, !ways.contains(algorithm) {
      let others = ways.map(\.rawValue).joined(separator: ", ")
      return CollectiveError(
        .badOperation, "there is no such way: \(algorithm.rawValue)", place: "\(kind)",
        remedy: "Choose automatic or \(others).")
    }
    if codec != .float32, elementType != .f32 {
      return CollectiveError(
        .badOperation, "\(codec.rawValue) is a codec of F32, and the values are \(elementType)",
        place: "\(kind)",
        remedy: "Send these as they are, with the codec f32, or convert them to F32 first.")
    }
    return nil
  }
}
