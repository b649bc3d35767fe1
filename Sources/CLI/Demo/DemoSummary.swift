// SPDX-License-Identifier: Apache-2.0

/// What `ferry demo` prints at the end, all of it from the event logs.
package struct DemoSummary: Encodable, Sendable {
  package struct Peer: Encodable, Sendable {
    package let name: String
    package let hash: String?
    /// Everything, as it left the peer.
    package let bytesSent: Int
    /// Of these, what averaging took.
    package let exchangeBytes: Int
    package let dataParallelBytes: Int
  }

  package struct Fault: Encodable, Sendable {
    package let note: String
    package let peer: String
    package let detectionSeconds: Double?
    package let agreementSeconds: Double?
    package let repetitionSeconds: Double?
    package let lostSeconds: Double?
  }

  package let bitsPerByte: Double?
  package let onePeerBitsPerByte: Double?
  package let unigramBits: Double?
  package let bigramBits: Double?
  /// Whether all peers that finished hold the same parameters.
  package let isEqual: Bool
  package let peers: [Peer]
  package let faults: [Fault]
  package let sample: String?
  package let report: String

  package init(_ record: RunRecord, report: String) {
    bitsPerByte = record.validation.last
    onePeerBitsPerByte = record.onePeer.last
    unigramBits = record.dataset?.unigramBits
    bigramBits = record.dataset?.bigramBits
    isEqual = record.finalHashes.count == 1
    peers = record.peers.map { peer in
      let (sent, parallel) = record.totals(of: peer)
      return Peer(
        name: peer.name, hash: peer.finished?.value.hash, bytesSent: sent.total,
        exchangeBytes: sent.exchange, dataParallelBytes: parallel)
    }
    faults = record.faultCosts.map { cost in
      Fault(
        note: cost.fault.note, peer: record.name(of: cost.fault.target),
        detectionSeconds: cost.detection, agreementSeconds: cost.agreement,
        repetitionSeconds: cost.repetition, lostSeconds: cost.total)
    }
    sample = record.sample.map { $0.prompt + $0.text }
    self.report = report
  }

  package var text: String {
    var sections = [learning, peerTable]
    if !faults.isEmpty { sections.append(faultTable) }
    if let sample { sections.append("The model writes:\n\n\(indented(sample))\n") }
    sections.append("Report: \(report)\n")
    return sections.joined(separator: "\n")
  }

  private var learning: String {
    var table = TextTable([("BITS PER BYTE", .trailing), ("", .leading)])
    let rows = [
      (unigramBits, "unigram entropy of the text"), (bigramBits, "bigram entropy of the text"),
      (onePeerBitsPerByte, "one peer alone on as many tokens, validation"),
      (bitsPerByte, "these peers together, validation"),
    ]
    for (bits, name) in rows {
      if let bits { table.add([Quantity.decimal(bits, digits: 3), name]) }
    }
    return table.text
  }

  private var peerTable: String {
    var table = TextTable([
      ("PEER", .leading), ("SENT", .trailing), ("OF THIS AVERAGING", .trailing),
      ("DATA-PARALLEL", .trailing), ("FEWER", .trailing), ("AVERAGING ALONE", .trailing),
      ("SHA-256 OF THE PARAMETERS", .leading),
    ])
    for peer in peers {
      table.add(
        bytes(peer.name, peer.bytesSent, peer.exchangeBytes, peer.dataParallelBytes)
          + [peer.hash.map { "\($0.prefix(16))…" } ?? "killed before the end"])
    }
    table.add(
      bytes(
        "all", peers.reduce(0) { $0 + $1.bytesSent }, peers.reduce(0) { $0 + $1.exchangeBytes },
        peers.reduce(0) { $0 + $1.dataParallelBytes }) + [""])
    let finished = peers.count { $0.hash != nil }
    let verdict =
      isEqual
      ? "All \(finished) peers that finished hold the same bits."
      : "The peers that finished do NOT hold the same bits."
    return table.text + verdict + "\n"
  }

  private func bytes(_ name: String, _ sent: Int, _ exchange: Int, _ parallel: Int) -> [String] {
    [name, Quantity.bytes(sent), Quantity.bytes(exchange), Quantity.bytes(parallel)]
      + [sent, exchange].map {
        $0 > 0 && parallel > 0 ? Quantity.ratio(Double(parallel) / Double($0)) : "–"
      }
  }

  private var faultTable: String {
    var table = TextTable([
      ("FAULT", .leading), ("PEER", .leading), ("DETECTION", .trailing), ("AGREEMENT", .trailing),
      ("REPETITION", .trailing), ("LOST", .trailing),
    ])
    let part = { (seconds: Double?) in seconds.map(Quantity.seconds) ?? "–" }
    for fault in faults {
      table.add([
        fault.note, fault.peer, part(fault.detectionSeconds), part(fault.agreementSeconds),
        part(fault.repetitionSeconds), part(fault.lostSeconds),
      ])
    }
    return table.text
  }

  private func indented(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)" }
      .joined(separator: "\n")
  }
}
