// SPDX-License-Identifier: Apache-2.0

/// What left all peers in each round, stacked by purpose; and the sum against data-parallel.
struct BytesChart {
  private let record: RunRecord
  private let bars: [Bar]

  private struct Bar {
    var rounds: ClosedRange<Int>
    var sent: BytesByPurpose
    var dataParallel: Int
  }

  private static let width = 1000.0
  private static let height = 330.0
  private static let left = 72.0
  private static let right = 976.0
  private static let top = 22.0
  private static let bottom = 282.0
  /// More rounds than this share bars.
  private static let barsMax = 120

  init(_ record: RunRecord) {
    self.record = record
    let rounds = record.bytesByRound
    let together = max(1, (rounds.count + Self.barsMax - 1) / Self.barsMax)
    bars = stride(from: 0, to: rounds.count, by: together).map { start in
      let slice = rounds[start..<min(start + together, rounds.count)]
      return Bar(
        rounds: slice.first!.round...max(slice.first!.round, slice.last!.round),
        sent: slice.reduce(BytesByPurpose()) { $0 + $1.sent },
        dataParallel: slice.reduce(0) { $0 + $1.dataParallel })
    }
  }

  var svg: String? {
    guard let highest = bars.map(\.sent.total).max(), highest > 0 else { return nil }
    let x = Axis(0...Double(bars.count), from: Self.left, to: Self.right)
    let y = Axis(0...Double(highest) * 1.04, from: Self.bottom, to: Self.top)
    var svg = SVG()
    for tick in y.ticks(5) {
      svg.line((Self.left, y(tick)), (Self.right, y(tick)), "class=\"grid\"")
      svg.text(Quantity.tick(tick) + "B", at: (Self.left - 9, y(tick) + 4), .end)
    }
    let gap = min(3, (x(1) - x(0)) * 0.2)
    for (index, bar) in bars.enumerated() {
      var sum = 0
      for (name, bytes) in bar.sent.byName where bytes > 0 {
        let upper = y(Double(sum + bytes))
        svg.rectangle(
          x: x(Double(index)) + gap / 2, y: upper, width: x(1) - x(0) - gap,
          height: y(Double(sum)) - upper,
          title: "\(title(bar)): \(name) \(Quantity.bytes(bytes))",
          "fill=\"\(Palette.purpose(name))\"")
        sum += bytes
      }
    }
    let every = max(1, (bars.count + 13) / 14)
    for index in stride(from: 0, to: bars.count, by: every) {
      svg.text(
        "\(bars[index].rounds.lowerBound)", at: (x(Double(index) + 0.5), Self.bottom + 18), .middle)
    }
    svg.line((Self.left, Self.bottom), (Self.right, Self.bottom), "class=\"axis\"")
    svg.text(
      "round", at: ((Self.left + Self.right) / 2, Self.bottom + 39), .middle, class: "title")
    svg.text("sent by all peers together", at: (Self.left, Self.top - 8), class: "title")
    return svg.document(
      width: Self.width, height: Self.height, label: "Bytes sent in each round, by purpose")
  }

  private func title(_ bar: Bar) -> String {
    bar.rounds.count == 1
      ? "round \(bar.rounds.lowerBound)"
      : "rounds \(bar.rounds.lowerBound) to \(bar.rounds.upperBound)"
  }

  /// Two bars on one linear scale: what was sent, and what data-parallel would have sent.
  var comparison: String? {
    let (sent, parallel) = record.totals
    guard sent.total > 0, parallel > 0 else { return nil }
    let longest = Double(max(sent.total, parallel))
    let left = 132.0
    let x = Axis(0...longest, from: left, to: 812)
    var svg = SVG()
    let rows = [
      ("this run", sent.total, "var(--purpose-exchange)"),
      ("data-parallel", parallel, "var(--reference)"),
    ]
    for (row, (name, bytes, color)) in rows.enumerated() {
      let y = 8 + Double(row) * 32
      let width = max(x(Double(bytes)) - left, 1.5)
      svg.text(name, at: (left - 14, y + 15), .end, class: "name strong")
      svg.rectangle(x: left, y: y, width: width, height: 20, radius: 2, "fill=\"\(color)\"")
      svg.text(Quantity.bytes(bytes), at: (left + width + 9, y + 15), class: "name")
    }
    return svg.document(
      width: Self.width, height: 74, label: "Bytes of this run and of data-parallel training")
  }
}
