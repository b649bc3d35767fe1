// SPDX-License-Identifier: Apache-2.0

/// What long links had sent together when they were last looked at.
struct LineMeasure {
  var time = Duration.zero
  var bytesArrived = 0
  var segmentsSent = 0
  var segmentsResent = 0
}

/// The line that this machine's long links share: see `LineShare`.
extension LinkEngine {
  private var longLinks: [Link] { linked.values.filter(\.isLong) }

  /// Looks at what long links have lost together, while several have more to send.
  func measureLine() {
    let time = now - lineMeasure.time
    guard time >= Self.measureTime else { return }
    let long = longLinks
    guard long.count > 1 else { return }
    let busy = long.count { !$0.ranDryOnLine && !$0.bulk.isEmpty }
    for link in long { link.ranDryOnLine = link.bulk.isEmpty }
    var latest = LineMeasure(time: now)
    for path in long.flatMap(\.carriers).compactMap(\.socket.path) {
      latest.bytesArrived += path.bytesArrived
      latest.segmentsSent += path.segmentsSent
      latest.segmentsResent += path.segmentsResent
    }
    line.measured(
      bytes: latest.bytesArrived - lineMeasure.bytesArrived, over: time, links: busy,
      resent: latest.segmentsResent - lineMeasure.segmentsResent,
      of: latest.segmentsSent - lineMeasure.segmentsSent)
    lineMeasure = latest
    // The shares are of another speed now.
    sharing = nil
    shareLine()
  }

  /// Gives each long link with bulk to send its share of the line.
  func shareLine() {
    guard line.speed != nil else { return }
    let busy = linked.values.count { $0.isLong && !$0.bulk.isEmpty }
    guard busy != sharing else { return }
    sharing = busy
    let share = line.each(of: busy)
    for link in longLinks {
      let carriers = link.carriers
      let each = share.map { $0 / Double(carriers.count) }
      for carrier in carriers { carrier.socket.limitSpeed(each) }
    }
  }
}
