// SPDX-License-Identifier: Apache-2.0

import FerryBasics
public import FerryPeers

/// A newcomer's side of a state transfer: from several fellows at once, each byte checked.
///
/// First it learns the state's root, from the agreement of more than half of its fellows or from
/// the caller; then the manifest, from one fellow, which must hash to the root; then the chunks,
/// from all fellows in parallel, each of which must hash to what the manifest says. A fellow that
/// lies is left out; what one owes that is gone or slow is asked of another. Deadlines come from
/// this transfer's own pace. Nothing that came is fetched again, whoever leaves; nor is what this
/// peer holds already, as it was a member before or has a checkpoint of the run.
///
/// Events in, actions out. Call `tick` at `nextDeadline` at the latest.
public struct StateFetch: Sendable {
  /// What the newcomer's owner has to do.
  public enum Action: Sendable {
    case ask(Member, StateRequest)
    /// The fellow sent bytes that are not the state's; nothing more is taken from it.
    case blame(Member, CollectiveError)
    /// The state is here and checked; the server can serve it on without hashing it again.
    case complete(StateServer)
    /// It cannot be had any more; no further action follows.
    case failed(CollectiveError)
  }

  /// Without a majority for one root, the fellows are asked anew at most this often.
  public static let electionsMax = 64
  /// The first pause before fellows are asked anew that were not ready, as they may be applying a
  /// round; each one is longer by as much, up to a second.
  public static let electionPause: Duration = .milliseconds(50)

  struct Fellow: Sendable {
    /// The root it named; nil until then.
    var root: [UInt8]?
    /// It said that it does not hold the state.
    var isWithout = false
    /// Its link is gone, or it sent wrong bytes.
    var isOut = false
    var isLiar = false
    /// It missed a deadline, and has not answered since.
    var isSlow = false
    /// The keys of questions that it has not answered, in the order asked.
    var owes: [Int] = []
    var pace = FellowPace()

    var isOfUse: Bool { !isOut && !isWithout }
    var isWaitedFor: Bool { !isOut && !owes.isEmpty }
  }

  enum Phase: Sendable {
    case electing
    case manifest(root: [UInt8])
    case chunks(root: [UInt8])
    case over
  }

  /// The round of the state wanted; nil: whatever the majority holds.
  public let round: UInt64?
  /// Bytes of all answers so far, wasted ones included.
  public private(set) var bytesReceived = 0
  var fellows: [Member: Fellow] = [:]
  var phase: Phase = .electing
  private let agreedRoot: [UInt8]?
  private let base: StateServer?
  private var elections = 0
  private var electAgainAt: Duration?
  private var manifest: StateManifest?
  private var state: SharedState?
  private var arrived = PieceSet(count: 0)
  /// Chunks that nobody was asked for, or whose fellow failed; the last is next.
  private var open: [Int] = []

  /// - Parameters:
  ///   - fellows: those who may hold the state; newcomers among them will say that they do not.
  ///   - round: take only the state after this round.
  ///   - root: the state's root where it is known, so that nobody needs to be believed.
  ///   - base: a state of the same run that is here already: what is equal in both is not fetched.
  public init(
    fellows: [Member], round: UInt64? = nil, root: [UInt8]? = nil, base: StateServer? = nil
  ) {
    self.round = round
    self.base = base
    agreedRoot = root
    for fellow in fellows { self.fellows[fellow] = Fellow() }
  }

  public var isOver: Bool { if case .over = phase { true } else { false } }

  /// Chunks here and chunks in all; 0 of 0 until the manifest is here.
  public var progress: (done: Int, of: Int) {
    let all = manifest?.chunkCount ?? 0
    return (all - arrived.missing, all)
  }

  /// When `tick` must be called; nil when nothing is waited for.
  public var nextDeadline: Duration? {
    guard !isOver else { return nil }
    let slowest = slowestMean
    let owed = fellows.values.filter(\.isWaitedFor).map { $0.pace.deadline(others: slowest) }
    return (owed + [electAgainAt].compactMap(\.self)).min()
  }

  /// The first questions.
  public mutating func start(at now: Duration) -> [Action] {
    if let agreedRoot {
      phase = .manifest(root: agreedRoot)
      return proceed(at: now)
    }
    return elect(at: now)
  }

  /// Takes a fellow's answer. `byteCount` is what it took on the link.
  public mutating func receive(
    _ answer: StateAnswer, from member: Member, byteCount: Int, at now: Duration
  ) -> [Action] {
    bytesReceived += byteCount
    guard !isOver, var fellow = fellows[member], !fellow.isOut else { return [] }
    // An answer that was not asked for changes nothing. Of several questions, "absent" answers the
    // oldest, and the rest are released with it.
    let place = answer.key.map { fellow.owes.firstIndex(of: $0) } ?? fellow.owes.indices.first
    guard let place else { return [] }
    let key = fellow.owes.remove(at: place)
    fellow.pace.answered(at: now)
    fellow.isSlow = false
    fellows[member] = fellow
    switch (phase, answer) {
    case (.electing, .root(let root, let round)):
      if self.round == nil || self.round == round { fellows[member]!.root = root }
    case (.electing, .absent): fellows[member]!.isWithout = true
    case (.manifest(let root), .manifest(let named, let bytes)) where named == root:
      return takeManifest(bytes, root: root, from: member, at: now)
    case (.chunks(let root), .chunk(let named, let index, let bytes)) where named == root:
      return takeChunk(index, bytes, from: member, at: now)
    case (.manifest(let root), .absent(let named)), (.chunks(let root), .absent(let named)):
      if named == root {
        fellows[member]!.isWithout = true
        fellows[member]!.owes.insert(key, at: 0)
        release(member)
      }
    default: break
    }
    return goOn(at: now)
  }

  /// A fellow's link is gone: what it owes is asked of others.
  public mutating func lost(_ member: Member, at now: Duration) -> [Action] {
    guard !isOver, let fellow = fellows[member], !fellow.isOut else { return [] }
    fellows[member]!.isOut = true
    release(member)
    return goOn(at: now)
  }

  /// Somebody new may hold the state, or one that was lost is back.
  public mutating func joined(_ member: Member, at now: Duration) -> [Action] {
    guard !isOver, fellows[member].map({ $0.isOut && !$0.isLiar }) ?? true else { return [] }
    fellows[member] = Fellow()
    if case .electing = phase { return ask(member, .root, at: now) }
    return proceed(at: now)
  }

  /// Time passed.
  public mutating func tick(at now: Duration) -> [Action] {
    guard !isOver else { return [] }
    let slowest = slowestMean
    for member in fellows.keys.sorted() {
      let fellow = fellows[member]!
      guard fellow.isWaitedFor, fellow.pace.deadline(others: slowest) <= now else { continue }
      fellows[member]!.pace.missed(at: now)
      fellows[member]!.isSlow = true
      if fellows[member]!.pace.misses == FellowPace.missesMax { fellows[member]!.isOut = true }
      release(member)
    }
    if case .electing = phase, let at = electAgainAt, at <= now { return elect(at: now) }
    return goOn(at: now)
  }

  private mutating func goOn(at now: Duration) -> [Action] {
    if case .electing = phase { countRoots(at: now) } else { proceed(at: now) }
  }

  // MARK: The root

  private mutating func elect(at now: Duration) -> [Action] {
    electAgainAt = nil
    elections += 1
    guard elections <= Self.electionsMax else {
      return fail(
        .noAgreement,
        "\(fellows.count) fellows name no state that most of them hold, asked "
          + "\(Self.electionsMax) times", remedy: "Wait until a round is done, then join again.")
    }
    var actions: [Action] = []
    for member in fellows.keys.sorted() where !fellows[member]!.isOut {
      fellows[member]!.root = nil
      fellows[member]!.isWithout = false
      if fellows[member]!.owes.isEmpty { actions += ask(member, .root, at: now) }
    }
    return actions + countRoots(at: now)
  }

  private mutating func countRoots(at now: Duration) -> [Action] {
    let voters = fellows.values.filter(\.isOfUse)
    var votes: [[UInt8]: Int] = [:]
    for voter in voters { if let root = voter.root { votes[root, default: 0] += 1 } }
    if let (root, count) = votes.max(by: { $0.value < $1.value }), 2 * count > voters.count {
      phase = .manifest(root: root)
      electAgainAt = nil
      for member in fellows.keys {
        // One that has not said yet may hold it, and will say so if not.
        if let other = fellows[member]!.root, other != root { fellows[member]!.isWithout = true }
        fellows[member]!.owes = []
      }
      return proceed(at: now)
    }
    guard electAgainAt == nil else { return [] }
    if !fellows.values.contains(where: { !$0.isOut }) { return failLost() }
    if !voters.contains(where: { !$0.owes.isEmpty && !$0.isSlow }) {
      electAgainAt = now + Self.electionPause * min(elections, 20)
    }
    return []
  }

  // MARK: The manifest and the chunks

  /// Asks for whatever can be asked for now.
  private mutating func proceed(at now: Duration) -> [Action] {
    guard fellows.values.contains(where: \.isOfUse) else { return failLost() }
    switch phase {
    case .electing, .over: return []
    case .manifest(let root):
      let isAsked = fellows.values.contains {
        $0.isOfUse && !$0.isSlow && $0.owes.contains(manifestKey)
      }
      guard !isAsked, let member = idle().first else { return [] }
      return ask(member, .manifest(root: root), at: now)
    case .chunks(let root):
      return askForChunks(of: root, at: now)
    }
  }

  private mutating func askForChunks(of root: [UInt8], at now: Duration) -> [Action] {
    var actions: [Action] = []
    while true {
      // One chunk each in turn, so that a few chunks are spread over all fellows.
      let before = actions.count
      for member in idle() {
        while let last = open.last, arrived.contains(last) { open.removeLast() }
        guard let place = open.lastIndex(where: { !fellows[member]!.owes.contains($0) }) else {
          continue
        }
        let index = open.remove(at: place)
        guard !arrived.contains(index) else { continue }
        actions += ask(member, .chunk(root: root, index: index), at: now)
      }
      if actions.count == before { return actions }
    }
  }

  /// Fellows that may be asked for more, those who answered fastest first.
  private func idle() -> [Member] {
    fellows.keys.filter { member in
      let fellow = fellows[member]!
      return fellow.isOfUse && !fellow.isSlow && fellow.owes.count < fellow.pace.window
    }.sorted {
      let (a, b) = (fellows[$0]!.pace.mean ?? .zero, fellows[$1]!.pace.mean ?? .zero)
      return (a, $0) < (b, $1)
    }
  }

  private mutating func ask(
    _ member: Member, _ request: StateRequest, at now: Duration
  ) -> [Action] {
    fellows[member]!.pace.asked(at: now, isFirst: fellows[member]!.owes.isEmpty)
    fellows[member]!.owes.append(request.key)
    return [.ask(member, request)]
  }

  private mutating func takeManifest(
    _ bytes: [UInt8], root: [UInt8], from member: Member, at now: Duration
  ) -> [Action] {
    guard Digest.sha256(of: bytes) == root else {
      return blame(member, "a manifest that does not have the hash agreed on", at: now)
    }
    do {
      let manifest = try StateManifest(decoding: bytes)
      self.manifest = manifest
      state = manifest.emptyState()
      arrived = PieceSet(count: manifest.chunkCount)
      if let base {
        let shared = manifest.shared(with: base.manifest)
        if !shared.isEmpty { state!.tensors = base.state.tensors }
        for chunk in shared { arrived.insert(chunk) }
      }
      open = (0..<manifest.chunkCount).reversed().filter { !arrived.contains($0) }
      phase = .chunks(root: root)
      // Others that were asked for the manifest before owe nothing that is still wanted.
      for member in fellows.keys { fellows[member]!.owes.removeAll { $0 == manifestKey } }
      return finish() ?? proceed(at: now)
    } catch {
      return fail(
        .noAgreement, "the manifest agreed on does not decode: \(error.what)",
        remedy: "The group is of another version; update the older side.")
    }
  }

  private mutating func takeChunk(
    _ index: Int, _ bytes: [UInt8], from member: Member, at now: Duration
  ) -> [Action] {
    guard let manifest, !arrived.contains(index) else { return proceed(at: now) }
    let range = manifest.range(index)
    guard bytes.count == range.count,
      Digest.sha256(of: bytes)[...] == manifest.digest(index)
    else { return blame(member, "chunk \(index) without the hash agreed on", at: now) }
    manifest.layout.put(bytes, at: range.lowerBound, in: &state!)
    arrived.insert(index)
    return finish() ?? proceed(at: now)
  }

  private mutating func finish() -> [Action]? {
    guard arrived.missing == 0, let state, let manifest else { return nil }
    phase = .over
    self.state = nil
    return [.complete(StateServer(state, manifest: manifest))]
  }

  // MARK: Trouble

  /// What a fellow owes may be asked of others.
  private mutating func release(_ member: Member) {
    let fellow = fellows[member]!
    for index in fellow.owes where index >= 0 && !arrived.contains(index) {
      let isWithOther = fellows.contains {
        $0.key != member && $0.value.isOfUse && !$0.value.isSlow && $0.value.owes.contains(index)
      }
      if !isWithOther && !open.contains(index) { open.append(index) }
    }
    // One that is slow still owes it, and its late answer will be taken.
    if !fellow.isOfUse { fellows[member]!.owes = [] }
  }

  private mutating func blame(_ member: Member, _ what: String, at now: Duration) -> [Action] {
    fellows[member]!.isOut = true
    fellows[member]!.isLiar = true
    // What it just answered wrongly is owed no more, and must be asked of another.
    if let manifest {
      let owed = Set(fellows.values.filter { $0.isOfUse && !$0.isSlow }.flatMap(\.owes))
      open = (0..<manifest.chunkCount).reversed().filter {
        !arrived.contains($0) && !owed.contains($0)
      }
    }
    fellows[member]!.owes = []
    let error = CollectiveError(
      .wrongHash, what, place: "state transfer",
      remedy: "The fellow is broken or lying; its chunks are fetched from others.")
    return [.blame(member, error)] + proceed(at: now)
  }

  private mutating func failLost() -> [Action] {
    fail(
      .stateLost, "none of \(fellows.count) fellows is left that holds the state",
      remedy: "Join again; the group may have gone on to a later state.")
  }

  private mutating func fail(
    _ code: CollectiveError.Code, _ what: String, remedy: String
  ) -> [Action] {
    phase = .over
    state = nil
    return [.failed(CollectiveError(code, what, place: "state transfer", remedy: remedy))]
  }

  private var slowestMean: Duration? { fellows.values.compactMap(\.pace.mean).max() }
}

/// What a question is kept under until its answer comes: a chunk's index, or one of these.
private let rootKey = -2
private let manifestKey = -1

extension StateRequest {
  fileprivate var key: Int {
    switch self {
    case .root: rootKey
    case .manifest: manifestKey
    case .chunk(_, let index): index
    }
  }
}

extension StateAnswer {
  /// The key of the question that this answers; nil when it answers any.
  fileprivate var key: Int? {
    switch self {
    case .root: rootKey
    case .manifest: manifestKey
    case .chunk(_, let index, _): index
    case .absent: nil
    }
  }
}
