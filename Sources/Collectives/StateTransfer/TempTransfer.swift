import FerryPeers
import Crypto
import FerryBasics

enum Digest {
  static func sha256(of values: [Float], then bytes: [UInt8]) -> [UInt8] {
    var hash = SHA256()
    unsafe values.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
    hash.update(data: bytes)
    return Array(hash.finalize())
  }
}
public struct StateServer: Sendable {
  public let state: SharedState
  public let digest: [UInt8]
  public var round: UInt64 { state.round }
  public init(_ state: SharedState) {
    self.state = state
    digest = Digest.sha256(of: state.tensors.flatMap(\.values), then: state.note)
  }
}
struct StateFetch: Sendable {
  let round: UInt64
  var fellows: [Member]
  var askedAt: Duration = .zero
}
extension GroupLogic {
  mutating func beginFetch(of change: ViewChange, at now: Duration) -> [LinkAction] {
    fetch = StateFetch(round: change.committed, fellows: change.view.members.filter { $0 != me })
    return ask(at: now)
  }
  mutating func ask(at now: Duration) -> [LinkAction] {
    guard fetch != nil, !fetch!.fellows.isEmpty else { return [] }
    fetch!.askedAt = now
    let f = fetch!.fellows.removeFirst()
    fetch!.fellows.append(f)
    return [.send(f.id, GroupMessage.state([0]).frame())]
  }
  mutating func lostFellow(_ member: Member, at now: Duration) -> [LinkAction] { [] }
  mutating func receiveState(_ bytes: [UInt8], from member: Member, at now: Duration) -> [LinkAction] {
    if bytes == [0] {
      guard let server, server.round == committed else { return [] }
      var w = ByteWriter()
      w.put(UInt8(1)); w.put(server.round)
      for v in server.state.tensors[0].values { w.put(v.bitPattern) }
      return [.send(member.id, GroupMessage.state(w.bytes).frame())]
    }
    guard let fetch else { return [] }
    var r = ByteReader(bytes, place: "x")
    _ = try! r.number(UInt8.self)
    let round = try! r.number(UInt64.self)
    guard round == fetch.round else { return [] }
    var values: [Float] = []
    while r.remaining > 0 { values.append(Float(bitPattern: try! r.number(UInt32.self))) }
    let s = SharedState(round: round, tensors: [(name: "sum", values: values)], note: [])
    return loaded(s, server: StateServer(s), at: now)
  }
  mutating func tickFetch(at now: Duration) -> [LinkAction] {
    guard let fetch, now - fetch.askedAt > .milliseconds(300) else { return [] }
    return ask(at: now)
  }
  func fetchWake(at now: Duration) -> Duration { now + .milliseconds(300) }
}
