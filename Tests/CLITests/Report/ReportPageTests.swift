// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ferry

@Suite("Report page")
struct ReportPageTests {
  private static let page = ReportPage(RunRecord(events: SyntheticRun.events())).html

  @Test("holds the figures, all charts and all tables")
  func isComplete() throws {
    let page = Self.page
    for heading in [
      "What it learnt", "Who was there", "What it sent", "What went wrong, and what it cost",
      "The peers", "How the group changed", "What it says", "How it was set",
    ] {
      #expect(page.contains("<h2>\(heading)</h2>"), "\(heading)")
    }
    #expect(page.contains("3 of 3 <small>equal</small>"))
    #expect(page.contains("kill the coordinator"))
    #expect(page.split(separator: "<svg ").count > 5)
    #expect(page.contains("bigram entropy"))
    if let folder = ProcessInfo.processInfo.environment["FERRY_REPORT_SAMPLE"] {
      try page.write(toFile: "\(folder)/report.html", atomically: true, encoding: .utf8)
    }
  }

  @Test("needs nothing from elsewhere, and runs nothing")
  func isSelfContained() {
    for word in ["http://", "https://", "<script", "src=", "@import", "url(h"] {
      #expect(!Self.page.contains(word), "\(word)")
    }
  }

  @Test("every coordinate is a number")
  func numbersAreNumbers() {
    let lowered = Self.page.lowercased()
    #expect(!lowered.contains("nan") && !lowered.contains("\"inf") && !lowered.contains("-inf"))
  }

  @Test("text from logs cannot become markup")
  func escapes() {
    #expect(Self.page.contains("of &lt;Israel&gt; &amp; say"))
    var events = SyntheticRun.events()
    events.append(
      Event(
        t: events[0].t, peer: "x",
        .fault(Event.Fault(what: "\"><script>", target: "<img>", note: "<b>'\"&\u{1}"))))
    let page = ReportPage(RunRecord(events: events)).html
    #expect(!page.contains("<script") && !page.contains("<img") && !page.contains("<b>'"))
  }

  @Test("numbers that are none leave gaps, not garbage")
  func survivesNaN() {
    var events = SyntheticRun.events()
    events.append(
      Event(
        t: events[0].t, peer: SyntheticRun.ids[1],
        .validation(Event.Validation(round: 3, tokens: 4, bitsPerByte: .nan))))
    events.append(
      Event(
        t: .max, peer: SyntheticRun.ids[1],
        .roundCommitted(
          Event.RoundCommitted(
            round: 31, seconds: .infinity, loss: .nan, contributors: 1, tokens: 4,
            sent: BytesByPurpose(), dataParallelBytes: 0, hash: ""))))
    let page = ReportPage(RunRecord(events: events)).html
    #expect(!page.contains("nan"))
  }

  @Test("a run that has only begun makes a page", arguments: [0, 1, 2, 3, 12])
  func shortRuns(count: Int) {
    let page = ReportPage(RunRecord(events: Array(SyntheticRun.events().prefix(count)))).html
    #expect(page.contains("</html>"))
  }

  @Test("equal events give equal pages")
  func isDeterministic() {
    #expect(ReportPage(RunRecord(events: SyntheticRun.events())).html == Self.page)
  }

  @Test("peers that end with different parameters are shown as an alarm")
  func differentHashes() {
    let events = SyntheticRun.events().map { event in
      guard case .finished(var end) = event.content, event.peer == SyntheticRun.ids[3] else {
        return event
      }
      end.hash = "bad"
      return Event(t: event.t, peer: event.peer, .finished(end))
    }
    #expect(
      ReportPage(RunRecord(events: events)).html.contains("<span class=\"bad\">2 different</span>"))
  }
}
