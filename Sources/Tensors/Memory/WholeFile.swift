// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Writes a file so that its name holds the whole of it or what was there before.
enum WholeFile {
  /// Writes `pieces` one after another beside `path`, flushes them to disk, and renames.
  ///
  /// - Throws: `.unwritable`, with the system's reason; the part that was written is removed.
  static func write(_ pieces: [Piece], to path: String) throws(TensorError) {
    let partial = path + ".partial-\(getpid())"
    let descriptor = unsafe open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw refuse(path, systemReason()) }
    var failure: String?
    for piece in pieces where failure == nil {
      failure =
        switch piece {
        case .bytes(let bytes): append(bytes.span.elementBytes, to: descriptor)
        case .tensor(let tensor): append(tensor.bytes, to: descriptor)
        }
    }
    if failure == nil, fsync(descriptor) != 0 { failure = systemReason() }
    if close(descriptor) != 0, failure == nil { failure = systemReason() }
    if failure == nil, unsafe rename(partial, path) != 0 { failure = systemReason() }
    if let failure {
      _ = unsafe unlink(partial)
      throw refuse(path, failure)
    }
  }

  /// A part of a file.
  enum Piece {
    case bytes([UInt8])
    case tensor(HostTensor)
  }

  /// Appends all bytes; nil, or why not.
  private static func append(_ bytes: RawSpan, to descriptor: Int32) -> String? {
    unsafe bytes.withUnsafeBytes { source in
      var done = 0
      while done < source.count {
        // SAFETY: the slice from `done` on lies within `source`.
        let wrote = unsafe systemWrite(
          descriptor, source.baseAddress! + done, source.count - done)
        if wrote < 0 {
          if errno == EINTR { continue }
          return systemReason()
        }
        done += wrote
      }
      return nil
    }
  }

  private static func refuse(_ path: String, _ reason: String) -> TensorError {
    TensorError(
      .unwritable, "cannot write the file: \(reason)", at: path,
      remedy: "Check the folder, its permissions and the space left; what was there is unchanged.")
  }
}

/// The system's `write`, which a method of that name would hide.
private func systemWrite(_ descriptor: Int32, _ start: UnsafeRawPointer, _ count: Int) -> Int {
  unsafe write(descriptor, start, count)
}
