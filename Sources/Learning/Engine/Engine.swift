// SPDX-License-Identifier: Apache-2.0

import CMLX

/// The numerical engine, MLX, as a whole: threads, memory, which kernels run.
///
/// One engine a process. All calls take one lock, so that tensors may be used from any thread;
/// for work side by side use several processes.
public enum Engine {
  /// Freed buffers kept for reuse; more than MLX's own 32 MB, which makes large operations slow.
  public static let cacheBytesDefault = 1 << 30
  /// More threads than this are not started.
  public static let threadsMax = 256

  /// Which kernels run; the others are for comparison.
  public enum Kernels: Int32, Sendable, CaseIterable {
    /// The widest vectors this CPU has; MLX's own operations on a GPU.
    case best
    /// The same code compiled for the baseline of the architecture.
    case generic
    /// MLX's own operations.
    case stock
  }

  /// Sets the number of threads and the memory kept for reuse.
  ///
  /// Results do not depend on the number of threads.
  ///
  /// - Parameter threads: 1 ... `threadsMax`.
  public static func configure(
    threads: Int, cacheBytes: Int = cacheBytesDefault
  ) throws(LearningError) {
    guard (1...threadsMax).contains(threads), cacheBytes >= 0 else {
      throw LearningError(
        .badConfiguration, "\(threads) threads and \(cacheBytes) bytes of cache",
        place: "engine", remedy: "Use 1 to \(threadsMax) threads and at least 0 bytes.")
    }
    guard fmlx_configure(Int32(threads), cacheBytes) == 0 else { throw error("configure") }
  }

  /// How many threads the kernels use.
  public static var threads: Int { Int(fmlx_threads()) }

  /// Whether the engine computes on a GPU.
  public static var usesGPU: Bool { fmlx_gpu() }

  /// The most memory that arrays have held at once, in bytes.
  public static var peakBytes: Int { fmlx_peak_bytes() }

  /// Chooses kernels; for tests and benchmarks.
  package static func use(_ kernels: Kernels) { _ = fmlx_use_kernels(kernels.rawValue) }

  /// The shim's last error on this thread.
  static func error(_ operation: String) -> LearningError {
    // SAFETY: a string of this thread that lives until the thread's next failing call.
    let message = unsafe String(cString: fmlx_last_error())
    return LearningError(
      .engine, message, place: operation, remedy: "Check the shapes and types given to it.")
  }
}
