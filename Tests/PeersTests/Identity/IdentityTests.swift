// SPDX-License-Identifier: Apache-2.0

import Dispatch
import FerryBasics
import FerryPeers
import Foundation
import Synchronization
import Testing

@Suite("Identity")
struct IdentityTests {
  let folder = FileManager.default.temporaryDirectory
    .appending(path: "ferry-identity-\(UUID().uuidString)").path

  @Test("is made once, for its owner's eyes only, and found again")
  func kept() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let first = try Identity.kept(inFolder: folder)
    #expect(try Identity.kept(inFolder: folder).id == first.id)
    func mode(_ path: String) throws -> Int? {
      try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }
    #expect(try mode(folder) == 0o700)
    #expect(try mode(folder + "/identity") == 0o600)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["identity"])
  }

  @Test("a file that others can read is refused")
  func exposed() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try Identity.kept(inFolder: folder)
    let path = folder + "/identity"
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    let error = #expect(throws: PeersError.self) { try Identity.kept(inFolder: folder) }
    #expect(
      error?.description
        == "identity-exposed: the identity can be read by others (mode 0644) (\(path)). "
        + "Run: chmod 600 \(path) — or delete it for a new identity if others had access.")
  }

  @Test("a file that is no identity is refused and left alone")
  func damaged() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try Identity.kept(inFolder: folder)
    let path = folder + "/identity"
    for text in ["", "ferry-identity-1", "ferry-identity-1 AAAA\n", "ferry-identity-2 x"] {
      try text.write(toFile: path, atomically: false, encoding: .utf8)
      let error = #expect(throws: PeersError.self) { try Identity.kept(inFolder: folder) }
      #expect(
        error?.description
          == "identity-damaged: the file is not an identity (\(path)). "
          + "Restore it from a backup, or delete it and the peer gets a new id.")
      #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }
  }

  @Test("peers that start at once share one identity, in a folder that none of them has made yet")
  func race() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for attempt in 0..<100 {
      let path = "\(folder)/\(attempt)/of/many"
      let outcomes = atOnce(16) { Result { try Identity.kept(inFolder: path).id } }
      let ids = try Set(outcomes.map { try $0.get() })
      #expect(ids.count == 1, "attempt \(attempt)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["identity"])
    }
  }

  @Test("ids print as libp2p prints them and read back", arguments: 0..<20)
  func text(_: Int) {
    let id = Identity().id
    #expect(id.description.count == 52 && id.description.hasPrefix("12D3KooW"))
    #expect(PeerID(id.description) == id)
    #expect(id.description.hasSuffix(id.short) && id.short.count == 6)
  }

  @Test("what is not an id says so")
  func badID() {
    let error = #expect(throws: PeersError.self) {
      try PeerID.parse("12D3KooWnonsense0", place: "--allow")
    }
    #expect(
      error?.description
        == "bad-peer-id: \"12D3KooWnonsense0\" is not a peer id (--allow). "
        + "A peer id has 52 letters and digits and begins with 12D3KooW; copy it whole.")
    #expect(PeerID(String(repeating: "1", count: 100_000)) == nil)
  }
}

/// What a body gives on each of so many threads, let go together.
private func atOnce<Value: Sendable>(
  _ count: Int, _ body: @escaping @Sendable () -> Value
) -> [Value] {
  let outcomes = Mutex<[Value]>([])
  let (ready, gate, done) = (
    DispatchGroup(), DispatchSemaphore(value: 0), DispatchGroup()
  )
  for _ in 0..<count {
    ready.enter()
    done.enter()
    Thread {
      ready.leave()
      gate.wait()
      let value = body()
      outcomes.withLock { $0.append(value) }
      done.leave()
    }.start()
  }
  ready.wait()
  for _ in 0..<count { gate.signal() }
  done.wait()
  return outcomes.withLock { $0 }
}
