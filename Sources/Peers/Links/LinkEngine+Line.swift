// SPDX-License-Identifier: Apache-2.0

/// The line that this machine's long links share (`LineShare`), and that of a short one (`LinePace`).
extension LinkEngine {
  /// A short link's pace is measured over this time.
  private static let paceTime = Duration.milliseconds(100)

  private var longLinks: [Link] { linked.values.filter(\.isLong) }

  /// Looks at what long links have lost together, while several have more to send.
  func measureLine() {
    let time = now - lineMeasuredAt
    guard time >= Self.measureTime else { return }
    let long = longLinks
    guard long.count > 1 else { return }
    let busy = long.count { !$0.ranDryOnLine && !$0.bulk.isEmpty }
    for link in long { link.ranDryOnLine = link.bulk.isEmpty }
    var (bytes, sent, resent) = (0, 0, 0)
    // Each from where it stood itself: connections come and go in between.
    for connection in long.flatMap(\.carriers) {
      guard let path = connection.socket.path else { continue }
      if let before = connection.pathOnLine {
        bytes += path.bytesArrived - before.bytesArrived
        sent += path.segmentsSent - before.segmentsSent
        resent += path.segmentsResent - before.segmentsResent
      }
      connection.pathOnLine = path
    }
    line.measured(bytes: bytes, over: time, links: busy, resent: resent, of: sent)
    lineMeasuredAt = now
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

  /// When the pace of a link with bulk to send is measured next; nil for one that has none.
  func nextPace(_ link: Link) -> Duration? {
    link.isLong || !link.strands.isEmpty ? nil : link.pacedAt + Self.paceTime
  }

  /// Holds a short link with bulk to what its line was seen to carry.
  func measurePace(_ link: Link) {
    guard !link.bulk.isEmpty, let next = nextPace(link), now >= next else { return }
    let time = now - link.pacedAt
    let isAlone = !linked.values.contains { $0 !== link && !$0.bulk.isEmpty }
    let wasBusy = !link.ranDryOnLine
    (link.pacedAt, link.ranDryOnLine) = (now, false)
    let before = link.main.pathOnLine
    link.main.pathOnLine = link.main.socket.path
    guard isAlone, wasBusy, let before, let path = link.main.pathOnLine else { return }
    let speed = link.pace.speed
    link.pace.measured(
      bytes: path.bytesArrived - before.bytesArrived, over: time,
      wait: path.roundTrip - path.roundTripMin,
      resent: path.segmentsResent - before.segmentsResent)
    if link.pace.speed != speed { link.main.socket.limitSpeed(link.pace.speed) }
  }
}
