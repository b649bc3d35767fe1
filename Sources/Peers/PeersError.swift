// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Why a peer could not be named, reached, believed or understood.
public struct PeersError: FerryError, Equatable {
  /// A struct, not an enum, so that a new code breaks no caller's `switch`.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The identity's file can be read by others.
    public static let identityExposed = Code(rawValue: "identity-exposed")
    /// The identity's file is not one.
    public static let identityDamaged = Code(rawValue: "identity-damaged")
    /// The identity's file could not be read or written.
    public static let identityUnusable = Code(rawValue: "identity-unusable")
    /// A text that should be a peer id is not.
    public static let badPeerID = Code(rawValue: "bad-peer-id")
    /// A text that should be a join line is not.
    public static let badJoinLine = Code(rawValue: "bad-join-line")
    /// Environment variables of a launcher that are missing or contradict.
    public static let badEnvironment = Code(rawValue: "bad-environment")
    /// Another program listens on the port.
    public static let portInUse = Code(rawValue: "port-in-use")
    /// The address cannot be listened on.
    public static let cannotListen = Code(rawValue: "cannot-listen")
    /// A host name that no name server knows.
    public static let unknownHost = Code(rawValue: "unknown-host")
    /// The other side proved a different secret.
    public static let wrongSecret = Code(rawValue: "wrong-secret")
    /// The other side speaks another version of the protocol.
    public static let otherVersion = Code(rawValue: "other-version")
    /// The other side belongs to another run.
    public static let otherRun = Code(rawValue: "other-run")
    /// The other side is not on the allow-list.
    public static let notAllowed = Code(rawValue: "not-allowed")
    /// Another peer answered than the one expected.
    public static let otherPeer = Code(rawValue: "other-peer")
    /// One side wants encryption and the other does not.
    public static let sealingDiffers = Code(rawValue: "sealing-differs")
    /// What arrived is not the protocol of Ferry.
    public static let notFerry = Code(rawValue: "not-ferry")
    /// A key exchange that does not add up: damaged, forged or tampered with.
    public static let badHandshake = Code(rawValue: "bad-handshake")
    /// A further connection that does not prove that it belongs to a link.
    public static let badStrand = Code(rawValue: "bad-strand")
    /// A frame longer than the limit.
    public static let frameTooLong = Code(rawValue: "frame-too-long")
    /// A record or frame that is not what the other side sealed.
    public static let damagedFrame = Code(rawValue: "damaged-frame")
    /// A second link to a peer, or a link to oneself: not needed.
    public static let duplicateLink = Code(rawValue: "duplicate-link")
  }

  public let code: Code
  public let what: String
  public let place: String
  public let remedy: String
  public var codeName: String { code.rawValue }

  public init(_ code: Code, _ what: String, place: String, remedy: String) {
    self.code = code
    self.what = what
    self.place = place
    self.remedy = remedy
  }
}
