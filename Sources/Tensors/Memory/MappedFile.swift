// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A file's bytes, mapped read-only: pages are read when they are touched.
///
/// A file that another process shortens while it is mapped cannot be read safely by any program
/// that maps files (the system stops it); Ferry's own writers never shorten, they rename.
@safe
public final class MappedFile: Sendable {
  /// Where it is, as given.
  public let path: String
  /// Its length when it was opened.
  public let byteCount: Int
  private let base: UInt

  /// Maps a regular file; an empty one is allowed.
  ///
  /// - Throws: `.unreadable`, with the system's reason.
  public init(path: String) throws(TensorError) {
    self.path = path
    // SAFETY: the system reads the C string during the call only.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.refuse(path, systemReason(), file: true) }
    defer { close(descriptor) }
    var status = stat()
    // SAFETY: `status` lives through the call, which fills it.
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw Self.refuse(path, systemReason(), file: true)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw Self.refuse(path, "it is not a regular file", file: false)
    }
    byteCount = Int(status.st_size)
    guard byteCount > 0 else {
      base = 0
      return
    }
    // SAFETY: a fresh private mapping; it stays until `deinit` unmaps it.
    let address = unsafe mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw Self.refuse(path, systemReason(), file: true)
    }
    base = UInt(bitPattern: address)
  }

  deinit {
    // SAFETY: exactly what `init` mapped; no span of it outlives the object.
    if byteCount > 0 { unsafe munmap(UnsafeMutableRawPointer(bitPattern: base), byteCount) }
  }

  /// The file's bytes.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      // SAFETY: the mapping holds `byteCount` bytes until `deinit`; nobody writes them here.
      let start = unsafe UnsafeRawPointer(bitPattern: base)
      let raw = unsafe RawSpan(
        _unsafeBytes: UnsafeRawBufferPointer(start: start, count: byteCount))
      return unsafe _overrideLifetime(raw, borrowing: self)
    }
  }

  private static func refuse(_ path: String, _ reason: String, file: Bool) -> TensorError {
    TensorError(
      .unreadable, "cannot read the file: \(reason)", at: path,
      remedy: file ? "Check the path and its permissions." : "Name a file.")
  }
}

/// What the last failed system call said: "No such file or directory".
func systemReason() -> String {
  // SAFETY: `strerror` returns a C string that lasts until this thread's next call of it.
  unsafe String(cString: strerror(errno))
}
