// SPDX-License-Identifier: Apache-2.0

/// One rank's part in an all-reduce of floats: all ranks end with the same bits.
public protocol AllReduceMachine: CollectiveMachine {
  /// The result, once this rank holds all of it; nil until then.
  var result: [Float]? { get }
}
