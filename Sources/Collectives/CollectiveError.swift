// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Why a collective could not take a chunk or finish: what happened, where, and what to do.
public struct CollectiveError: FerryError, Equatable {
  /// A struct, not an enum, so that a new code breaks no caller's `switch`.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The group, its weights or its ranks make no sense.
    public static let badGroup = Code(rawValue: "bad-group")
    /// A chunk came from a rank that does not exist or that sends no such chunk.
    public static let wrongSender = Code(rawValue: "wrong-sender")
    /// A chunk names a segment or piece that does not exist, or comes before its turn.
    public static let unexpectedChunk = Code(rawValue: "unexpected-chunk")
    /// The operation makes no sense, or its counts do not fit each other.
    public static let badOperation = Code(rawValue: "bad-operation")
    /// The same chunk came twice.
    public static let duplicateChunk = Code(rawValue: "duplicate-chunk")
    /// A chunk's payload has another length than its piece has.
    public static let wrongLength = Code(rawValue: "wrong-length")
    /// The payload of a chunk does not decode.
    public static let malformedPayload = Code(rawValue: "malformed-payload")
    /// Values that the codec cannot encode: infinities or NaN.
    public static let notEncodable = Code(rawValue: "not-encodable")
    /// A fellow's manifest or chunk does not have the hash agreed on.
    public static let wrongHash = Code(rawValue: "wrong-hash")
    /// The fellows do not name one state.
    public static let noAgreement = Code(rawValue: "no-agreement")
    /// Nobody is left who holds the state.
    public static let stateLost = Code(rawValue: "state-lost")
    /// What a caller waited for did not happen in its time.
    public static let deadline = Code(rawValue: "deadline")
    /// The others went on without this peer.
    public static let evicted = Code(rawValue: "evicted")
    /// This peer has left its group.
    public static let stopped = Code(rawValue: "stopped")
    /// A call was cancelled, by this peer or by one whose part was needed.
    public static let cancelled = Code(rawValue: "cancelled")
    /// Those who had an operation's result are gone.
    public static let lost = Code(rawValue: "lost")
    /// Members made different calls where all must make the same.
    public static let mismatch = Code(rawValue: "mismatch")
    /// More calls or channels than a group keeps.
    public static let tooMany = Code(rawValue: "too-many")
  }

  public let code: Code
  public let what: String
  public let place: String
  public let remedy: String
  /// The rank to blame; nil when it is nobody's fault, or not known whose.
  public let culprit: Int?

  /// - Parameters: what happened, where, and what the reader can do; each a full thought.
  public init(
    _ code: Code, _ what: String, place: String, remedy: String, culprit: Int? = nil
  ) {
    self.code = code
    self.what = what
    self.place = place
    self.remedy = remedy
    self.culprit = culprit
  }

  public var codeName: String { code.rawValue }
}
