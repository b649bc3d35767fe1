// SPDX-License-Identifier: Apache-2.0

/// Who took part when: a bar for each peer, with joins, kills, catch-ups and coordinators marked,
/// over a lane of rounds.
struct MembershipChart {
  private let record: RunRecord
  private let x: Axis

  private static let width = 1000.0
  private static let left = 132.0
  private static let right = 976.0
  private static let top = 34.0
  private static let rowHeight = 40.0
  private static let barHeight = 18.0
  /// More peers than this are not drawn; the table lists all.
  static let rowsMax = 64
  /// More rounds than this make no tick each.
  private static let roundTicksMax = 1500

  init(_ record: RunRecord) {
    self.record = record
    x = Axis(0...max(record.seconds, 0.001), from: Self.left, to: Self.right)
  }

  private var rows: [RunRecord.Peer] { Array(record.peers.prefix(Self.rowsMax)) }
  private var bottom: Double { Self.top + Double(rows.count) * Self.rowHeight + 22 }

  var svg: String? {
    guard !rows.isEmpty else { return nil }
    var svg = SVG()
    axis(&svg)
    faultLines(&svg)
    for (row, peer) in rows.enumerated() { draw(peer, row: row, &svg) }
    coordinators(&svg)
    roundLane(&svg)
    return svg.document(
      width: Self.width, height: bottom + 46,
      label: "Time line of \(rows.count) peers with joins, losses and coordinators")
  }

  private func center(_ row: Int) -> Double { Self.top + (Double(row) + 0.5) * Self.rowHeight }

  private func axis(_ svg: inout SVG) {
    for tick in x.timeTicks(8) {
      svg.line((x(tick), Self.top - 8), (x(tick), bottom), "class=\"grid\"")
      svg.text(
        Axis.timeLabel(tick, longest: record.seconds), at: (x(tick), bottom + 20), .middle)
    }
    svg.line((Self.left, bottom), (Self.right, bottom), "class=\"axis\"")
    svg.text(
      record.seconds < 60 ? "time" : record.seconds < 3600 ? "time, min:s" : "time, h:min:s",
      at: ((Self.left + Self.right) / 2, bottom + 40), .middle, class: "title")
  }

  /// A fault concerns everyone: a line through all rows, with the word above them.
  private func faultLines(_ svg: inout SVG) {
    var lastLabelEnd = -Double.infinity
    for fault in record.faults where fault.value.what != "SIGCONT" {
      let place = x(fault.time)
      svg.line(
        (place, Self.top - 8), (place, bottom),
        "stroke=\"var(--alarm)\" stroke-width=\"1\" stroke-dasharray=\"3 3\" stroke-opacity=\"0.7\""
      )
      let words = fault.value.note.isEmpty ? fault.value.what : fault.value.note
      let half = Double(words.count) * 3.3
      let middle = min(max(place, Self.left + half), Self.right - half)
      guard middle - half > lastLabelEnd + 8 else { continue }
      lastLabelEnd = middle + half
      svg.text(
        words, at: (middle, Self.top - 15), .middle, class: "name", "style=\"fill:var(--alarm)\"")
    }
  }

  private func draw(_ peer: RunRecord.Peer, row: Int, _ svg: inout SVG) {
    let middle = center(row)
    let color = Palette.peer(peer.index)
    svg.text(peer.name, at: (Self.left - 14, middle + 4), .end, class: "name strong")
    for life in peer.lives {
      bar(life, color, middle, &svg, title: "\(peer.name): \(span(life))")
      if life.start > record.seconds * 0.01 { joinMark(x(life.start), middle, color, &svg) }
      for pause in life.pauses {
        bar(
          RunRecord.Life(start: pause.lowerBound, end: pause.upperBound, ending: .open),
          "var(--paper)", middle, &svg, title: "stopped", opacity: 0.72)
      }
      switch life.ending {
      case .killed: cross(x(life.end), middle, &svg, title: "killed at \(clock(life.end))")
      case .failed: cross(x(life.end), middle, &svg, title: "failed at \(clock(life.end))")
      case .finished, .open: break
      }
    }
    for catchUp in peer.catchUps {
      let start = max(0, catchUp.time - catchUp.value.seconds)
      let from = x(start)
      // A catch-up of a moment would be too thin to be seen.
      let width = max(x(catchUp.time) - from, 7)
      svg.rectangle(
        x: from, y: middle - Self.barHeight / 2, width: width, height: Self.barHeight, radius: 3,
        title: "caught up: \(Quantity.bytes(catchUp.value.bytes)) from \(catchUp.value.fellows) "
          + "fellows in \(Quantity.seconds(catchUp.value.seconds))",
        "fill=\"url(#hatch)\" stroke=\"\(color)\" stroke-width=\"1.5\"")
    }
  }

  private func bar(
    _ life: RunRecord.Life, _ color: String, _ middle: Double, _ svg: inout SVG, title: String,
    opacity: Double = 0.88
  ) {
    svg.rectangle(
      x: x(life.start), y: middle - Self.barHeight / 2, width: max(x(life.end) - x(life.start), 2),
      height: Self.barHeight, radius: 4, title: title,
      "fill=\"\(color)\" fill-opacity=\"\(opacity)\"")
  }

  private func joinMark(_ place: Double, _ middle: Double, _ color: String, _ svg: inout SVG) {
    let n = SVG.number
    svg.path(
      "M\(n(place - 13)) \(n(middle - 6))L\(n(place - 4)) \(n(middle))L\(n(place - 13)) "
        + "\(n(middle + 6))Z", title: "joined", "fill=\"\(color)\"")
  }

  private func cross(_ place: Double, _ middle: Double, _ svg: inout SVG, title: String) {
    let n = SVG.number
    svg.circle(
      (place, middle), radius: 10, title: title,
      "fill=\"var(--paper)\" stroke=\"var(--alarm)\" stroke-width=\"2\"")
    svg.path(
      "M\(n(place - 4)) \(n(middle - 4))l8 8m0 -8l-8 8",
      "stroke=\"var(--alarm)\" stroke-width=\"2.4\" stroke-linecap=\"round\" fill=\"none\"")
  }

  /// A dark line above the bar of whoever coordinates, with a diamond where it begins to.
  private func coordinators(_ svg: inout SVG) {
    let n = SVG.number
    var last: String?
    for (index, view) in record.views.enumerated() {
      guard let row = rows.firstIndex(where: { $0.id == view.value.coordinator }) else { continue }
      let end = index + 1 < record.views.count ? record.views[index + 1].time : record.seconds
      let life = rows[row].lives.last { $0.start <= view.time + 0.001 }
      let stop = min(end, life?.end ?? end)
      let y = center(row) - Self.barHeight / 2 - 5
      svg.rectangle(
        x: x(view.time), y: y - 1.25, width: max(0.5, x(stop) - x(view.time)), height: 2.5,
        title: "view \(view.value.number): \(record.named(view.value.reason))",
        "fill=\"var(--ink)\"")
      if last != view.value.coordinator {
        let place = max(x(view.time), Self.left + 4)
        svg.path(
          "M\(n(place)) \(n(y - 6))l5.5 6l-5.5 6l-5.5 -6Z",
          title: "coordinates from \(clock(view.time)): \(record.named(view.value.reason))",
          "fill=\"var(--ink)\" stroke=\"var(--paper)\" stroke-width=\"1\"")
      }
      last = view.value.coordinator
    }
  }

  /// A tick for every round that became state: gaps show what faults cost.
  private func roundLane(_ svg: inout SVG) {
    var first: [Int: Double] = [:]
    for one in record.peers.flatMap(\.rounds) {
      first[one.value.round] = min(first[one.value.round] ?? .infinity, one.time)
    }
    let lane = bottom - 12
    svg.text("rounds", at: (Self.left - 14, lane + 4), .end)
    guard first.count <= Self.roundTicksMax else { return }
    for (round, time) in first.sorted(by: { $0.key < $1.key }) {
      svg.rectangle(
        x: x(time) - 0.9, y: lane - 6, width: 1.8, height: 12,
        title: "round \(round) at \(clock(time))", "fill=\"var(--soft)\"")
    }
  }

  private func clock(_ seconds: Double) -> String {
    Axis.timeLabel(seconds, longest: record.seconds)
  }

  private func span(_ life: RunRecord.Life) -> String {
    "\(clock(life.start)) to \(clock(life.end))"
  }
}
