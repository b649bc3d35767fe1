// SPDX-License-Identifier: Apache-2.0

import Testing
import ferry

@Suite("Quantities")
struct QuantitiesTests {
  @Test(
    "bytes",
    arguments: [
      (0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (999_499, "999 kB"), (999_500, "1.00 MB"),
      (12_345_678, "12.3 MB"), (7_800_000_000, "7.80 GB"),
    ])
  func bytes(count: Int, text: String) { #expect(Quantity.bytes(count) == text) }

  @Test(
    "bytes that are read: powers of 1024, and nothing else",
    arguments: [
      ("65536", 65_536), ("64k", 65_536), ("64KiB", 65_536), ("3MiB", 3 << 20), ("1g", 1 << 30),
      ("", nil), ("k", nil), ("64kb", nil), ("-1", nil), ("1.5m", nil), ("9000000000000g", nil),
      ("99999999999999999999", nil), ("٣", nil),
    ] as [(String, Int?)])
  func bytesRead(text: String, count: Int?) { #expect(Quantity.byteCount(of: text) == count) }

  @Test(
    "seconds",
    arguments: [
      (0.0, "0.0 ms"), (0.00512, "5.1 ms"), (0.45, "450 ms"), (3.217, "3.22 s"),
      (59.96, "1 min 00 s"),
      (3599.7, "1 h 00 min"), (7260, "2 h 01 min"), (.infinity, "–"), (-1, "–"),
    ])
  func seconds(value: Double, text: String) { #expect(Quantity.seconds(value) == text) }

  @Test(
    "ticks", arguments: [(0.0, "0 "), (500, "500 "), (5_000_000, "5 M"), (2500, "2.5 k")])
  func ticks(value: Double, text: String) { #expect(Quantity.tick(value) == text) }

  @Test("tables line up")
  func table() {
    var table = TextTable([("NAME", .leading), ("SIZE", .trailing)])
    table.add(["é", "1"])
    table.add(["longer", "22"])
    #expect(table.text == "NAME    SIZE\né          1\nlonger    22\n")
  }
}
