// SPDX-License-Identifier: Apache-2.0

import FlyingFox
import FlyingSocks
import Foundation

/// Answers `ferry status`, `peers` and `leave` while a run goes on.
///
/// HTTP over a Unix socket in the run's folder, which only the owner can open: whoever may read the
/// folder may also stop the run, and nobody else.
package struct ControlServer: Sendable {
  private let server: HTTPServer
  private let path: String
  private let seconds: Double

  /// - Parameters:
  ///   - stop: is raised by `/leave`.
  ///   - seconds: how long one request may take.
  package init(
    folder: RunFolder, board: StatusBoard, stop: StopSignal,
    seconds: Double = Self.requestSecondsMax
  ) {
    path = folder.control
    self.seconds = seconds
    server = HTTPServer(
      address: sockaddr_un.unix(path: folder.control), timeout: seconds,
      logger: .disabled,
      handler: ControlRoutes(board: board, stop: stop))
  }

  /// How long one request may take, unless told otherwise.
  package static let requestSecondsMax = 5.0

  /// Serves until the task is cancelled.
  ///
  /// - Throws: `.fileUnwritable` when the socket cannot be made.
  package func run() async throws {
    // A run that was killed leaves its socket behind, and binding over it fails.
    try? FileManager.default.removeItem(atPath: path)
    defer { try? FileManager.default.removeItem(atPath: path) }
    do {
      try await server.run()
    } catch is CancellationError {
      return
    } catch {
      if Task.isCancelled { return }
      throw CLIError(
        .fileUnwritable, what: "the control socket cannot be made: \(error)", place: path,
        remedy: "Choose another folder with --run.")
    }
  }

  /// Returns when requests are answered.
  package func waitUntilListening() async throws {
    try await server.waitUntilListening(timeout: seconds)
  }
}

private struct ControlRoutes: HTTPHandler {
  let board: StatusBoard
  let stop: StopSignal

  func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
    switch (request.method, request.path) {
    case (.GET, "/status"): return json(board.current)
    case (.GET, "/peers"): return json(board.current.peers)
    case (.POST, "/leave"):
      stop.raise()
      board.update { $0.phase = .leaving }
      return json(board.current)
    default: return HTTPResponse(statusCode: .notFound)
    }
  }

  private func json(_ value: some Encodable) -> HTTPResponse {
    HTTPResponse(
      statusCode: .ok, headers: [.contentType: "application/json"],
      body: Foundation.Data(Console.json(value).utf8))
  }
}
