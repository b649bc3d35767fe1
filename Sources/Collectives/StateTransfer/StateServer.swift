// SPDX-License-Identifier: Apache-2.0

/// Answers newcomers from a shared state: copies a chunk when it is asked for, and no more.
public struct StateServer: Sendable {
  public let state: SharedState
  public let manifest: StateManifest
  /// The state's root: the SHA-256 of its manifest's wire form. Equal roots mean equal bits.
  public let digest: [UInt8]
  private let manifestBytes: [UInt8]

  /// Hashes the whole state, once: about a second for each 1–2 GB, so not for an I/O thread.
  public init(_ state: SharedState) {
    self.init(state, manifest: StateManifest(of: state))
  }

  /// For a state whose manifest is known to be right, as it was checked chunk by chunk.
  init(_ state: SharedState, manifest: StateManifest) {
    self.state = state
    self.manifest = manifest
    manifestBytes = manifest.encoded()
    digest = Digest.sha256(of: manifestBytes)
  }

  public var round: UInt64 { state.round }

  /// The answer to a request; `.absent` for another state or a chunk that does not exist.
  public func answer(_ request: StateRequest) -> StateAnswer {
    switch request {
    case .root: return .root(digest, round: round)
    case .manifest(let root):
      return root == digest ? .manifest(root: root, bytes: manifestBytes) : .absent(root: root)
    case .chunk(let root, let index):
      guard root == digest, (0..<manifest.chunkCount).contains(index) else {
        return .absent(root: root)
      }
      return .chunk(
        root: root, index: index, bytes: manifest.layout.bytes(manifest.range(index), of: state))
    }
  }
}
