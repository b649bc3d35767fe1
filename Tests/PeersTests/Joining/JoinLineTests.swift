// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import Foundation
import Testing

@Suite("Join line")
struct JoinLineTests {
  let peer = Identity().id

  @Test(
    "prints and reads back", arguments: ["example.org", "10.0.0.1", "::1", "fe80::1%eth0"],
    [true, false])
  func roundTrip(host: String, full: Bool) throws {
    let line = JoinLine(
      address: PeerAddress(host: host, port: 7000), run: "my-run.2",
      secret: full ? Peer.secret : nil, peer: full ? peer : nil)
    #expect(try JoinLine.parse(line.text) == line)
  }

  @Test("never shows its secret unless asked for the whole text")
  func hides() {
    let line = JoinLine(
      address: PeerAddress(host: "h", port: 1), run: "r", secret: Peer.secret, peer: nil)
    #expect("\(line)" == "ferry://h:1/r?secret=(hidden)")
    for shown in ["\(line)", String(reflecting: line), "\(Peer.secret)", "\([Peer.secret])"] {
      #expect(!shown.contains(Peer.secret.text))
    }
    var dumped = ""
    dump(line, to: &dumped)
    #expect(!dumped.contains(Peer.secret.text))
  }

  @Test(
    "says what is wrong",
    arguments: [
      ("http://h:1/r", "it does not begin with ferry://"),
      ("ferry://h:1", "there is no /RUN after h:1"),
      ("ferry://:1/r", "there is no host name or address"),
      ("ferry://h/r", "the port after the host has to be a number from 1 to 65535"),
      ("ferry://h:0/r", "the port after the host has to be a number from 1 to 65535"),
      ("ferry://h:65536/r", "the port after the host has to be a number from 1 to 65535"),
      ("ferry://h:+5/r", "the port after the host has to be a number from 1 to 65535"),
      ("ferry://::1:5/r", "an IPv6 address stands in brackets: [::1]:7000"),
      ("ferry://[::1:5/r", "a \"[\" in the address is never closed"),
      (
        "ferry://h:1/a b",
        "the run's name has to be 1 to 64 letters, digits, \"-\", \"_\" or \".\""
      ),
      ("ferry://h:1/r?", "after the \"?\" only secret=… and peer=… may stand"),
      ("ferry://h:1/r?port=4", "after the \"?\" only secret=… and peer=… may stand"),
      ("ferry://h:1/r?peer=12D3", "peer= is not a peer id"),
      (
        "ferry://h:1/r?secret=short",
        "the secret has to be 43 letters, digits, \"-\" or \"_\", got 5"
      ),
    ])
  func refuses(text: String, what: String) {
    let error = #expect(throws: PeersError.self) { try JoinLine.parse(text) }
    #expect(
      error?.description
        == "bad-join-line: \(what) (join line). Copy the whole line that a peer of the run "
        + "printed: ferry://HOST:PORT/RUN?secret=…&peer=…")
  }

  @Test("20,000 mutated lines are read as they are or refused")
  func fuzzed() {
    let line = JoinLine(
      address: PeerAddress(host: "example.org", port: 7000), run: "run", secret: Peer.secret,
      peer: peer)
    var read = 0
    fuzz(Array(line.text.utf8), seed: 41) { bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      do throws(PeersError) {
        let parsed = try JoinLine.parse(text)
        read += 1
        let again = try JoinLine.parse(parsed.text)
        #expect(again == parsed)
      } catch { #expect(error.code == .badJoinLine && !error.what.contains(Peer.secret.text)) }
    }
    #expect(read > 0)
  }

  @Test("secrets differ, compare and read back")
  func secrets() {
    var system = SystemRandomNumberGenerator()
    let (one, two) = (RunSecret.generated(using: &system), RunSecret.generated(using: &system))
    #expect(one != two && one == RunSecret(one.text) && one.text.utf8.count == 43)
  }
}
