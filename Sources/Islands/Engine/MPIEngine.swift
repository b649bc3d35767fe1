// SPDX-License-Identifier: Apache-2.0

import Foundation

/// MPI, by a small library that was compiled with the machine's own mpicc (`make mpi`) and is loaded
/// when an island starts: one Ferry for every MPI, and for machines without any.
///
/// MPI ends all ranks when one of them dies. So an island is lost as a whole, and the other islands go
/// on; leadership does not move.
@safe
public final class MPIEngine: IslandEngine {
  /// The library's name, where it is looked for beside the program and in its build folder.
  public static let libraryName = "libferry-mpi.so"

  public let rank: Int
  public let size: Int
  /// MPI's own name and version.
  public let version: String

  // SAFETY: C functions of the library, which stays loaded; arrays are passed for the length of a call.
  private let sumFloats: @convention(c) (UnsafeMutablePointer<Float>, UInt64) -> CInt
  private let sumDoubles: @convention(c) (UnsafeMutablePointer<Double>, UInt64) -> CInt
  private let shareBytes: @convention(c) (UnsafeMutableRawPointer, UInt64) -> CInt
  private let stop: @convention(c) () -> CInt

  /// Loads the library and starts MPI; once in a process.
  ///
  /// - Throws: `.engineMissing`, `.engineFailed`.
  public init(library path: String) throws(IslandError) {
    guard let library = unsafe dlopen(path, RTLD_NOW | RTLD_GLOBAL) else {
      throw IslandError(
        .engineMissing, unsafe String(cString: dlerror()), place: path,
        remedy: "Install an MPI, call make mpi, and name its library in FERRY_MPI_LIBRARY.")
    }
    func function(_ name: String) throws(IslandError) -> UnsafeMutableRawPointer {
      guard let symbol = unsafe dlsym(library, name) else {
        throw IslandError(
          .engineMissing, "there is no \(name) in it", place: path,
          remedy: "Call make mpi again: the library is of another release.")
      }
      return unsafe symbol
    }
    // SAFETY: the types are those of Tools/mpi/ferry_mpi.c.
    unsafe sumFloats = unsafeBitCast(try function("ferry_mpi_sum_f32"), to: type(of: sumFloats))
    unsafe sumDoubles = unsafeBitCast(try function("ferry_mpi_sum_f64"), to: type(of: sumDoubles))
    unsafe shareBytes = unsafeBitCast(try function("ferry_mpi_share"), to: type(of: shareBytes))
    unsafe stop = unsafeBitCast(try function("ferry_mpi_stop"), to: type(of: stop))
    let start = unsafe unsafeBitCast(
      try function("ferry_mpi_start"),
      to: (@convention(c) (UnsafeMutablePointer<CInt>, UnsafeMutablePointer<CInt>) -> CInt).self)
    let name = unsafe unsafeBitCast(
      try function("ferry_mpi_version"),
      to: (@convention(c) (UnsafeMutablePointer<CChar>, CInt) -> CInt).self)
    var (rank, size): (CInt, CInt) = (0, 0)
    let code = unsafe start(&rank, &size)
    (self.rank, self.size) = (Int(rank), Int(size))
    var text = [CChar](repeating: 0, count: 128)
    _ = unsafe name(&text, CInt(text.count))
    version = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    try Self.check(code, "MPI_Init_thread")
  }

  deinit { _ = stop() }

  public func sum(_ values: inout [Float]) throws(IslandError) {
    let count = UInt64(values.count)
    try Self.check(unsafe sumFloats(&values, count), "MPI_Reduce")
  }

  public func sum(_ values: inout [Double]) throws(IslandError) {
    let count = UInt64(values.count)
    try Self.check(unsafe sumDoubles(&values, count), "MPI_Reduce")
  }

  public func share(_ bytes: inout [UInt8]) throws(IslandError) {
    let count = UInt64(bytes.count)
    try Self.check(unsafe shareBytes(&bytes, count), "MPI_Bcast")
  }

  public func share(_ values: inout [Float]) throws(IslandError) {
    let count = UInt64(4 * values.count)
    try Self.check(unsafe shareBytes(&values, count), "MPI_Bcast")
  }

  private static func check(_ code: CInt, _ what: String) throws(IslandError) {
    guard code != 0 else { return }
    throw IslandError(
      .engineFailed, "\(what) says \(code)", place: "MPI",
      remedy: "Look at what mpirun printed; the island has to be started again.")
  }
}
