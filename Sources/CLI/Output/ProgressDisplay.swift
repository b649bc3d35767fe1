// SPDX-License-Identifier: Apache-2.0

/// The picture of a run in a few lines of text; made anew from each status.
///
/// A struct without clock or terminal: equal statuses give equal lines.
package struct ProgressDisplay: Sendable {
  private let width: Int
  private let hasColor: Bool

  /// - Parameter width: columns of the terminal; lines are cut to it.
  package init(width: Int, hasColor: Bool) {
    self.width = max(40, width)
    self.hasColor = hasColor
  }

  /// The lines for a live display.
  package func lines(_ status: RunStatus) -> [String] {
    [headline(status), bar(status), learning(status), group(status), bytes(status)]
      .map { $0.cut(to: width - 1, hasColor: hasColor) }
  }

  private func headline(_ status: RunStatus) -> String {
    "\(bold(status.run))  round \(status.round) of \(status.rounds)  "
      + "\(phase(status))  \(dim(Quantity.seconds(status.elapsedSeconds)))"
  }

  private func phase(_ status: RunStatus) -> String {
    switch status.phase {
    case .starting: "starting"
    case .catchingUp: "catching up"
    case .training: "step \(status.step) of \(status.steps)"
    case .exchanging: "exchanging"
    case .validating: "validating"
    case .leaving: "leaving"
    case .finished: "finished"
    }
  }

  private func bar(_ status: RunStatus) -> String {
    let columns = min(48, width - 30)
    let inRound =
      status.steps > 0 ? min(1, Double(status.step) / Double(status.steps)) : 0
    let done =
      status.rounds > 0
      ? min(
        1,
        (Double(status.round) + (status.phase == .finished ? 0 : inRound))
          / Double(status.rounds)) : 0
    let eighths = Int((done * Double(columns) * 8).rounded(.down))
    let full = eighths / 8
    var bar = String(repeating: "█", count: full)
    if full < columns {
      bar += ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
    }
    let rest = String(repeating: "·", count: columns - bar.count)
    let left = status.remainingSeconds.map { "\(Quantity.seconds($0)) left" } ?? "–"
    let percent = "\(Int((done * 100).rounded(.down))) %".leading(5)
    return "\(color(bar, 36))\(dim(rest)) \(percent)  \(left)"
  }

  private func learning(_ status: RunStatus) -> String {
    var parts = ["loss     "]
    parts.append(
      status.loss.map { "\(Quantity.decimal($0, digits: 3)) bits/byte" } ?? "–")
    if let validation = status.validation {
      parts.append("· validation \(Quantity.decimal(validation, digits: 3))")
    }
    parts.append("· \(Quantity.count(status.tokensPerSecond)) tokens/s")
    return parts.joined(separator: " ")
  }

  private func group(_ status: RunStatus) -> String {
    let members = status.peers.filter { $0.state == .member }
    let others = status.peers.filter { $0.state != .member }
    let dots =
      members.map { peer in
        color(peer.isCoordinator ? "◆" : "●", peer.isSelf ? 36 : 32) + " \(peer.name)"
      } + others.map { "\(dim($0.state == .joining ? "◌" : "○")) \(dim($0.name))" }
    return "peers     \(members.count)  " + dots.joined(separator: "  ")
  }

  private func bytes(_ status: RunStatus) -> String {
    var text = "sent      \(Quantity.bytes(status.sent.total))"
    if status.dataParallelBytes > 0 {
      text += " · data-parallel would have sent \(Quantity.bytes(status.dataParallelBytes))"
      if let savings = status.savings { text += " · \(bold(Quantity.ratio(savings))) fewer" }
    }
    return text
  }

  private func bold(_ text: String) -> String { color(text, 1) }
  private func dim(_ text: String) -> String { color(text, 2) }

  private func color(_ text: String, _ code: Int) -> String {
    hasColor && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }

  /// One line for one event, where nothing can be redrawn; nil for events too small to tell.
  package static func line(_ event: Event) -> String? {
    switch event.content {
    case .started(let it):
      "started \(it.name): \(Quantity.count(Double(it.parameters))) parameters"
    case .dataset(let it):
      "text \(it.name): \(Quantity.bytes(it.bytes)), unigram "
        + "\(Quantity.decimal(it.unigramBits, digits: 3)), bigram "
        + "\(Quantity.decimal(it.bigramBits, digits: 3)) bits per byte"
    case .joined(let it): "joined \(it.member)" + (it.address.map { " at \($0)" } ?? "")
    case .left(let it): "left \(it.member): \(it.reason)"
    case .view(let it): "view \(it.number), \(counted(it.members.count, "member")): \(it.reason)"
    case .roundCommitted(let it): roundLine(it)
    case .validation(let it):
      "validation after round \(it.round): \(Quantity.decimal(it.bitsPerByte, digits: 3)) bits per byte"
    case .fault(let it): "\(it.what) to \(it.target): \(it.note)"
    case .recovery(let it):
      "lost \(it.member): detection \(Quantity.seconds(it.detectionSeconds)), agreement "
        + "\(Quantity.seconds(it.agreementSeconds)), repetition "
        + Quantity.seconds(it.repetitionSeconds)
    case .checkpoint(let it):
      "checkpoint of round \(it.round): \(Quantity.bytes(it.bytes)) in \(it.path)"
    case .catchUp(let it):
      "caught up: \(Quantity.bytes(it.bytes)) from \(counted(it.fellows, "fellow")) in "
        + Quantity.seconds(it.seconds)
    case .finished(let it): "finished after \(it.rounds) rounds, sha256 \(it.hash)"
    case .error(let it): "error \(it.code): \(it.what) (\(it.place)). \(it.remedy)"
    case .roundOpened, .step, .sample: nil
    }
  }

  private static func counted(_ count: Int, _ word: String) -> String {
    "\(count) \(word)\(count == 1 ? "" : "s")"
  }

  private static func roundLine(_ round: Event.RoundCommitted) -> String {
    var text = "round \(round.round): "
    if let loss = round.loss { text += "loss \(Quantity.decimal(loss, digits: 3)), " }
    return text + counted(round.contributors, "contributor")
      + ", \(Quantity.seconds(round.seconds)), sent "
      + Quantity.bytes(round.sent.total)
  }
}

extension String {
  fileprivate func leading(_ width: Int) -> String {
    String(repeating: " ", count: Swift.max(0, width - count)) + self
  }

  /// Cuts to a number of visible columns; escape sequences take none and are kept whole.
  fileprivate func cut(to columns: Int, hasColor: Bool) -> String {
    var out = ""
    var visible = 0
    var isEscape = false
    for character in self {
      if character == "\u{1B}" { isEscape = true }
      if !isEscape {
        visible += 1
        if visible > columns { return hasColor ? out + "\u{1B}[0m" : out }
      }
      out.append(character)
      if isEscape, character == "m" { isEscape = false }
    }
    return out
  }
}
