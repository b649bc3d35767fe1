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
  /// The bytes go to a temporary name and are flushed; a hard link gives them their name, which
  /// fails if it is taken.
  ///
  /// - Returns: nil, or why not; `.alreadyThere` when somebody else was first.
  static func create(_ path: String, contents: [UInt8]) -> SystemReason? {
    let temporary = "\(path).\(getpid()).new"
    // SAFETY: here and below, the paths are strings that outlive each call.
    _ = unsafe unlink(temporary)
    let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return .last }
    defer { _ = unsafe unlink(temporary) }
    // SAFETY: the bytes are borrowed for the call and their count is theirs.
    let written = unsafe contents.withUnsafeBytes {
      unsafe write(descriptor, $0.baseAddress, $0.count)
    }
    var failure = written == contents.count ? nil : SystemReason.last
    if failure == nil, fsync(descriptor) != 0 { failure = .last }
    close(descriptor)
    if failure == nil, unsafe link(temporary, path) != 0 { failure = .last }
    return failure
  }
}
