// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import FlyingSocks
package import Foundation

/// Looks at a machine and a configuration, one check after the other.
package struct Examiner: Sendable {
  package let configuration: RunConfiguration
  package let environment: [String: String]
  /// A peer to try to reach.
  package var target: HostPort?

  package init(configuration: RunConfiguration, environment: [String: String]) {
    self.configuration = configuration
    self.environment = environment
  }

  /// How long connecting may take.
  package static let connectSecondsMax = 3.0
  /// Less free space than this is worth a warning, in bytes.
  package static let diskBytesMin: Int64 = 1 << 30
  /// Less memory than this is worth a warning, in bytes.
  package static let memoryBytesMin: UInt64 = 2 << 30

  package func examine() async -> [Check] {
    var checks = [
      processor(), memory(), disk(), clock(Date()), engine(), identity(), text(),
    ]
    checks.append(port(configuration.peers.listen, name: "listen"))
    if let port = configuration.telemetry.metricsPort {
      checks.append(self.port(HostPort(host: "127.0.0.1", port: port), name: "metrics"))
    }
    if let target { checks.append(await reach(target)) }
    return checks
  }

  /// The address in `host:port` or a join line.
  package static func target(_ text: String) -> HostPort? {
    guard text.hasPrefix("ferry://") else { return HostPort(text) }
    return text.dropFirst(8).split(separator: "/").first.flatMap { HostPort(String($0)) }
  }

  // MARK: - The machine

  private func processor() -> Check {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let threads = configuration.compute.threads ?? cores
    #if arch(arm64)
      let features = "NEON"
      let isFast = true
    #else
      let flags =
        (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?
        .split(separator: "\n").first { $0.hasPrefix("flags") }?.split(separator: " ") ?? []
      let known = ["avx512f", "avx2", "fma", "avx"].filter { flags.contains(Substring($0)) }
      let features = known.isEmpty ? "no AVX" : known.joined(separator: " ").uppercased()
      let isFast = known.contains("avx2") && known.contains("fma")
    #endif
    let found = "\(cores) cores, \(features)"
    if threads > cores {
      return .warn(
        "processor", "\(found), \(threads) threads asked for",
        remedy: "More threads than cores slow each other down; lower compute.threads.")
    }
    return isFast
      ? .ok("processor", found)
      : .warn(
        "processor", found, remedy: "Plain loops are used; results are the same, only slower.")
  }

  private func memory() -> Check {
    let bytes = ProcessInfo.processInfo.physicalMemory
    let found = Quantity.bytes(Int(clamping: bytes))
    return bytes >= Self.memoryBytesMin
      ? .ok("memory", found)
      : .warn("memory", found, remedy: "Choose a small model: model.width = 64, train.batch = 4.")
  }

  private func disk() -> Check {
    let wanted = configuration.checkpoint.folder ?? RunFolder.home(environment: environment)
    var folder = URL(fileURLWithPath: wanted)
    // The folder need not be there yet; what counts is the disk that it will be on.
    while !FileManager.default.fileExists(atPath: folder.path), folder.path != "/" {
      folder.deleteLastPathComponent()
    }
    guard FileManager.default.isWritableFile(atPath: folder.path) else {
      return .fail(
        "disk", "\(folder.path) cannot be written",
        remedy: "Choose another checkpoint.folder, or --run.")
    }
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder.path)
    guard let free = (attributes?[.systemFreeSize] as? NSNumber)?.int64Value else {
      return .warn("disk", "free space of \(folder.path) is unknown", remedy: "Look with df.")
    }
    let found = "\(Quantity.bytes(Int(free))) free for \(wanted)"
    return free >= Self.diskBytesMin
      ? .ok("disk", found)
      : .warn("disk", found, remedy: "Checkpoints need room; keep fewer with checkpoint.keep.")
  }

  /// Nothing is decided by the wall clock; logs of several machines are compared by it.
  package func clock(_ now: Date) -> Check {
    let year = Calendar(identifier: .gregorian).component(.year, from: now)
    let found = now.formatted(.iso8601)
    return (2025...2100) ~= year
      ? .ok("clock", found)
      : .warn("clock", found, remedy: "Set it (timedatectl); reports of several machines need it.")
  }

  private func engine() -> Check {
    do {
      return .ok("engine", try RunSession.engine())
    } catch {
      return .fail("engine", "\(error)", remedy: "Run `make setup`, then build again.")
    }
  }

  private func identity() -> Check {
    do {
      let folder = IdentityPlace.home(environment: environment)
      return .ok("identity", "\(try IdentityPlace.identity(folder: folder).id) in \(folder)")
    } catch {
      return .fail("identity", "\(error.what) (\(error.place))", remedy: error.remedy)
    }
  }

  private func text() -> Check {
    do {
      let entry = try TextShelf(environment: environment).locate(configuration.data.text)
      return .ok("text", "\(entry.name), \(Quantity.bytes(entry.bytes)), \(entry.path)")
    } catch {
      return .fail("text", "\(error.what) (\(error.place))", remedy: error.remedy)
    }
  }

  // MARK: - The network

  private func port(_ address: HostPort, name: String) -> Check {
    guard address.port != 0 else { return .ok(name, "any free port of \(address.host)") }
    do {
      try Listening.probe(address)
      return .ok(name, "\(address) is free")
    } catch SocketError.failed(_, let number, let message) {
      let taken = number == EADDRINUSE
      return .fail(
        name, taken ? "\(address) is in use" : "\(address): \(message)",
        remedy: taken
          ? "Another run may be using it; choose another port, or 0 for any free one."
          : "Choose an address of this machine, such as 0.0.0.0.")
    } catch {
      return .fail(
        name, "\(address) is no address of this machine",
        remedy: "Write 0.0.0.0, [::], or an address that `ip addr` shows.")
    }
  }

  private func reach(_ target: HostPort) async -> Check {
    let clock = ContinuousClock()
    let start = clock.now
    do {
      try await Listening.connect(target, secondsMax: Self.connectSecondsMax)
      let took = (clock.now - start) / .seconds(1)
      return .ok("reach", "\(target) accepts connections, \(Quantity.seconds(took))")
    } catch SocketError.timeout {
      return .fail(
        "reach", "\(target) did not answer within \(Quantity.seconds(Self.connectSecondsMax))",
        remedy: "Check the address, and that no firewall drops the port.")
    } catch SocketError.unsupportedAddress {
      return .fail(
        "reach", "\(target.host) is not known", remedy: "Check the name, or use an IP address.")
    } catch {
      return .fail(
        "reach", "\(target) refused the connection",
        remedy: "Is the peer running, and does it listen on this address?")
    }
  }
}
