// SPDX-License-Identifier: Apache-2.0

import FerryLearning
import Testing

/// All tests that use the engine, one after the other: there is one engine in a process, and some
/// of them change its threads and kernels.
@Suite("Engine", .serialized)
struct EngineTests {
  @Test("refuses a number of threads that makes no sense")
  func threads() throws {
    let error = try #require(throws: LearningError.self) { try Engine.configure(threads: 0) }
    #expect(
      "\(error)"
        == "bad-configuration: 0 threads and 1073741824 bytes of cache (engine). "
        + "Use 1 to 256 threads and at least 0 bytes.")
  }
}
