// SPDX-License-Identifier: Apache-2.0

public import FerryCodecs
import FerryPeers

extension Call {
  /// All members end with the weighted sum, mean, product, least or greatest of all members' values.
  public static func allReduce(
    _ values: Values, _ reduce: ReduceOperation = .sum, weight: Double = 1,
    codec: CodecKind = .float32, algorithm: AllReduceAlgorithm = .automatic
  ) -> Call {
    var operation = Operation(.allReduce)
    operation.reduce = reduce
    operation.codec = codec
    operation.algorithm = algorithm
    var call = Call(operation, values)
    call.weight = weight
    return call
  }

  /// All members end with all members' values, one after another by rank.
  public static func allGather(_ values: Values) -> Call { Call(Operation(.allGather), values) }
}
