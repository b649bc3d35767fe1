// SPDX-License-Identifier: Apache-2.0

/// A wait took longer than it may.
struct DeadlinePassed: Error {}

/// Runs `body`, and cancels it when it takes longer than `seconds`.
///
/// - Throws: `DeadlinePassed`, or what `body` throws.
func withDeadline<Value: Sendable>(
  seconds: Double, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withThrowingTaskGroup(of: Value.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await Task.sleep(for: .seconds(seconds))
      throw DeadlinePassed()
    }
    defer { group.cancelAll() }
    guard let first = try await group.next() else { throw DeadlinePassed() }
    return first
  }
}
