// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Shows a run as it goes: redrawn in place on a terminal, one line per event otherwise.
final class ProgressReporter: Sendable {
  private let console: Console
  private let board: StatusBoard
  private let display: ProgressDisplay
  private let linesOnScreen = Mutex(0)

  init(console: Console, board: StatusBoard) {
    self.console = console
    self.board = board
    display = ProgressDisplay(width: console.width, hasColor: console.hasColor)
  }

  /// How often the live display is drawn anew.
  static let drawInterval = Duration.milliseconds(200)

  /// Draws until `body` is done.
  func whileRunning<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    guard console.isLive else { return try await body() }
    return try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask { try await body() }
      group.addTask {
        while !Task.isCancelled {
          self.draw()
          try? await Task.sleep(for: Self.drawInterval)
        }
        return nil
      }
      defer {
        group.cancelAll()
        draw()
        linesOnScreen.withLock { $0 = 0 }
      }
      while let result = try await group.next() {
        if let value = result { return value }
      }
      throw CancellationError()
    }
  }

  /// Tells of an event, above the display where there is one.
  func show(_ event: Event) {
    switch console.format {
    case .json: console.emit(json: event)
    case .text:
      guard let line = ProgressDisplay.line(event), !console.isLive || Self.isNews(event)
      else { return }
      say(line)
    }
  }

  /// Tells people something, above the display where there is one.
  func say(_ line: String) {
    guard console.isLive else { return console.note(line) }
    linesOnScreen.withLock { count in
      Terminal.write(Self.erase(count) + line + "\n", to: .standardError)
      count = 0
    }
    draw()
  }

  /// What deserves a line of its own while the display tells the rest.
  private static func isNews(_ event: Event) -> Bool {
    switch event.content {
    case .roundCommitted, .roundOpened, .step, .validation: false
    default: true
    }
  }

  private func draw() {
    let lines = display.lines(board.current)
    linesOnScreen.withLock { count in
      let text = Self.erase(count) + lines.map { $0 + "\n" }.joined()
      Terminal.write(text, to: .standardError)
      count = lines.count
    }
  }

  /// Goes up and clears what was drawn.
  private static func erase(_ lines: Int) -> String {
    lines > 0 ? "\u{1B}[\(lines)A\u{1B}[J" : ""
  }
}
