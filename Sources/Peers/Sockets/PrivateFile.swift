// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Files that only their owner may read.
enum PrivateFile {
  /// Makes `path` with `contents`, mode 0600, whole or not at all, and never over another file.
  ///
  /// The bytes go to a name that nobody else has, of this process or another, and are flushed; a
  /// hard link gives them theirs, which fails if it is taken.
  ///
  /// - Returns: nil, or why not; `.alreadyThere` when somebody else was first.
  static func create(_ path: String, contents: [UInt8]) -> SystemReason? {
    // mkstemp writes the name it found over the letters X; the file's mode is 0600.
    var temporary = Array("\(path).new-XXXXXX".utf8CString)
    // SAFETY: here and below, paths are arrays that end with zero and outlive each call.
    let descriptor = unsafe mkstemp(&temporary)
    guard descriptor >= 0 else { return .last }
    defer { _ = unsafe unlink(temporary) }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    var failure = write(contents, to: descriptor)
    if failure == nil, fsync(descriptor) != 0 { failure = .last }
    close(descriptor)
    if failure == nil, unsafe link(temporary, path) != 0 { failure = .last }
    return failure
  }

  /// All bytes, however many calls it takes: one call may write a part.
  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> SystemReason? {
    var rest = bytes[...]
    while !rest.isEmpty {
      // SAFETY: the bytes are borrowed for the call and their count is theirs.
      let count = unsafe rest.withUnsafeBytes { unsafe systemWrite(descriptor, $0) }
      if count < 0 {
        if SystemReason.last == .interrupted { continue }
        return .last
      }
      rest.removeFirst(count)
    }
    return nil
  }
}

/// `write`, by a name that no method hides.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
  // SAFETY: the count is that of the bytes.
  unsafe write(descriptor, bytes.baseAddress, bytes.count)
}
