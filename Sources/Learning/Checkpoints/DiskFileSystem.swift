// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The machine's own disk, by system calls: Foundation's writers neither flush nor say why not.
@safe
public struct DiskFileSystem: FileSystem {
  public init() {}

  public func kind(of path: String) throws(FileSystemError) -> FileKind? {
    var status = stat()
    // SAFETY: `status` lives through the call, which fills it.
    guard unsafe stat(path, &status) == 0 else {
      if errno == ENOENT { return nil }
      throw failure(.read, path)
    }
    let byteCount = Int(status.st_size)
    return status.st_mode & S_IFMT == S_IFDIR ? .folder : .file(byteCount: byteCount)
  }

  public func list(_ folder: String) throws(FileSystemError) -> [String] {
    guard let stream = unsafe opendir(folder) else { throw failure(.list, folder) }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = unsafe readdir(stream) else {
        if errno != 0 { throw failure(.list, folder) }
        break
      }
      // SAFETY: `d_name` is a C string within the entry, which stays until the next `readdir`.
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 1) { unsafe String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  public func read(_ path: String, byteCountMax: Int) throws(FileSystemError) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(.read, path) }
    defer { close(descriptor) }
    guard case .file(let byteCount)? = try kind(of: path) else {
      throw FileSystemError(.read, path: path, reason: "Is a directory")
    }
    var result: [UInt8] = []
    result.reserveCapacity(min(byteCount, byteCountMax))
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      // SAFETY: `chunk` has room for as many bytes as are asked for.
      let got = unsafe chunk.withUnsafeMutableBytes {
        unsafe systemRead(descriptor, $0.baseAddress!, $0.count)
      }
      if got < 0 {
        if errno == EINTR { continue }
        throw failure(.read, path)
      }
      if got == 0 { return result }
      guard result.count + got <= byteCountMax else {
        throw FileSystemError(
          .read, path: path, reason: "more than \(byteCountMax) bytes", .tooLarge)
      }
      result += chunk[..<got]
    }
  }

  public func createFolder(_ path: String) throws(FileSystemError) {
    if unsafe mkdir(path, 0o755) == 0 { return }
    if errno == ENOENT, path.contains("/"), parentFolder(of: path) != path {
      try createFolder(parentFolder(of: path))
      if unsafe mkdir(path, 0o755) == 0 { return }
    }
    let refusal = failure(.create, path)
    guard errno == EEXIST, try kind(of: path) == .folder else { throw refusal }
  }

  public func write(_ bytes: [UInt8], to path: String) throws(FileSystemError) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure(.write, path) }
    var done = 0
    while done < bytes.count {
      // SAFETY: the bytes from `done` on lie within the array, which lives through the call.
      let wrote = unsafe bytes.withUnsafeBytes {
        unsafe systemWrite(descriptor, $0.baseAddress! + done, $0.count - done)
      }
      if wrote < 0 {
        if errno == EINTR { continue }
        let refusal = failure(.write, path)
        close(descriptor)
        throw refusal
      }
      done += wrote
    }
    // Some file systems report a full disk only here.
    guard close(descriptor) == 0 else { throw failure(.write, path) }
  }

  public func flush(file path: String) throws(FileSystemError) { try flush(path) }

  public func flush(folder path: String) throws(FileSystemError) { try flush(path) }

  public func rename(_ path: String, to newPath: String) throws(FileSystemError) {
    guard unsafe systemRename(path, newPath) == 0 else { throw failure(.rename, path) }
  }

  public func remove(_ path: String) throws(FileSystemError) {
    guard unsafe systemRemove(path) == 0 else { throw failure(.remove, path) }
  }

  private func flush(_ path: String) throws(FileSystemError) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(.flush, path) }
    #if canImport(Darwin)
      // There `fsync` leaves the bytes in the drive's own cache.
      let result = fcntl(descriptor, F_FULLFSYNC) == -1 ? fsync(descriptor) : 0
    #else
      let result = fsync(descriptor)
    #endif
    let refusal = result == 0 ? nil : failure(.flush, path)
    close(descriptor)
    if let refusal { throw refusal }
  }

  private func failure(_ operation: FileSystemError.Operation, _ path: String) -> FileSystemError {
    let number = errno
    let cause: FileSystemError.Cause =
      switch number {
      case ENOENT: .missing
      case ENOSPC, EDQUOT: .full
      case EACCES, EPERM, EROFS, EINVAL, ENOTSUP: .denied
      default: .other
      }
    // SAFETY: `strerror` returns a C string that lasts until this thread's next call of it.
    let reason = unsafe String(cString: strerror(number))
    errno = number
    return FileSystemError(operation, path: path, reason: reason, cause)
  }
}

// The system's calls, which methods of those names would hide.
private func systemRead(_ descriptor: Int32, _ start: UnsafeMutableRawPointer, _ count: Int) -> Int
{
  unsafe read(descriptor, start, count)
}
private func systemWrite(_ descriptor: Int32, _ start: UnsafeRawPointer, _ count: Int) -> Int {
  unsafe write(descriptor, start, count)
}
private func systemRename(_ path: UnsafePointer<CChar>, _ new: UnsafePointer<CChar>) -> Int32 {
  unsafe rename(path, new)
}
private func systemRemove(_ path: UnsafePointer<CChar>) -> Int32 {
  unsafe remove(path)
}
