// SPDX-License-Identifier: Apache-2.0

extension Event: Codable {
  private enum Kind: String, Codable {
    case started, dataset, joined, left, view
    case roundOpened = "round-opened"
    case roundCommitted = "round-committed"
    case step, validation, fault, recovery, checkpoint
    case catchUp = "catch-up"
    case sample, finished, error
  }

  private enum Head: String, CodingKey { case t, peer, kind }

  package init(from decoder: any Decoder) throws {
    let head = try decoder.container(keyedBy: Head.self)
    t = try head.decode(Int64.self, forKey: .t)
    peer = try head.decode(String.self, forKey: .peer)
    switch try head.decode(Kind.self, forKey: .kind) {
    case .started: content = .started(try Started(from: decoder))
    case .dataset: content = .dataset(try Dataset(from: decoder))
    case .joined: content = .joined(try Joined(from: decoder))
    case .left: content = .left(try Left(from: decoder))
    case .view: content = .view(try View(from: decoder))
    case .roundOpened: content = .roundOpened(try RoundOpened(from: decoder))
    case .roundCommitted: content = .roundCommitted(try RoundCommitted(from: decoder))
    case .step: content = .step(try Step(from: decoder))
    case .validation: content = .validation(try Validation(from: decoder))
    case .fault: content = .fault(try Fault(from: decoder))
    case .recovery: content = .recovery(try Recovery(from: decoder))
    case .checkpoint: content = .checkpoint(try CheckpointWritten(from: decoder))
    case .catchUp: content = .catchUp(try CatchUp(from: decoder))
    case .sample: content = .sample(try Sample(from: decoder))
    case .finished: content = .finished(try Finished(from: decoder))
    case .error: content = .error(try Failure(from: decoder))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var head = encoder.container(keyedBy: Head.self)
    try head.encode(t, forKey: .t)
    try head.encode(peer, forKey: .peer)
    let (kind, body) = kindAndBody
    try head.encode(kind, forKey: .kind)
    try body.encode(to: encoder)
  }

  /// The stable name of what happened, as it stands in the log.
  package var kindName: String { kindAndBody.0.rawValue }

  private var kindAndBody: (Kind, any Encodable) {
    switch content {
    case .started(let body): (.started, body)
    case .dataset(let body): (.dataset, body)
    case .joined(let body): (.joined, body)
    case .left(let body): (.left, body)
    case .view(let body): (.view, body)
    case .roundOpened(let body): (.roundOpened, body)
    case .roundCommitted(let body): (.roundCommitted, body)
    case .step(let body): (.step, body)
    case .validation(let body): (.validation, body)
    case .fault(let body): (.fault, body)
    case .recovery(let body): (.recovery, body)
    case .checkpoint(let body): (.checkpoint, body)
    case .catchUp(let body): (.catchUp, body)
    case .sample(let body): (.sample, body)
    case .finished(let body): (.finished, body)
    case .error(let body): (.error, body)
    }
  }
}
