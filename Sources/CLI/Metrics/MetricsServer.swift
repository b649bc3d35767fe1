// SPDX-License-Identifier: Apache-2.0

import FlyingFox
import FlyingSocks
import Foundation

/// Serves `http://127.0.0.1:PORT/metrics` for Prometheus.
package struct MetricsServer: Sendable {
  private let server: HTTPServer
  private let port: UInt16

  /// - Parameter extra: text appended to the registry's, such as the run's own figures.
  package init(
    port: UInt16, registry: PrometheusRegistry, extra: @escaping @Sendable () -> String
  ) throws {
    self.port = port
    server = HTTPServer(
      address: try sockaddr_in.inet(ip4: "127.0.0.1", port: port),
      timeout: ControlServer.requestSecondsMax, logger: .disabled,
      handler: MetricsRoute(registry: registry, extra: extra))
  }

  /// Serves until the task is cancelled.
  ///
  /// - Throws: `.portInUse`.
  package func run() async throws {
    do {
      try await server.run()
    } catch is CancellationError {
      return
    } catch SocketError.failed(_, let number, let message) {
      if Task.isCancelled { return }
      throw Self.cannotListen(port, number, message)
    }
  }

  /// Tries the port out.
  ///
  /// - Throws: `.portInUse`.
  package static func checkFree(_ port: UInt16) throws {
    do {
      try Listening.probe(HostPort(host: "127.0.0.1", port: port))
    } catch SocketError.failed(_, let number, let message) {
      throw cannotListen(port, number, message)
    }
  }

  private static func cannotListen(_ port: UInt16, _ number: Int32, _ message: String) -> CLIError {
    CLIError(
      .portInUse, what: number == EADDRINUSE ? "the port is in use" : "cannot listen: \(message)",
      place: "127.0.0.1:\(port), --metrics",
      remedy: "Choose another port with --metrics, or 0 to serve nothing.")
  }

  /// Returns when requests are answered.
  package func waitUntilListening() async throws {
    try await server.waitUntilListening(timeout: ControlServer.requestSecondsMax)
  }
}

private struct MetricsRoute: HTTPHandler {
  let registry: PrometheusRegistry
  let extra: @Sendable () -> String

  func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
    guard request.method == .GET, request.path == "/metrics" else {
      return HTTPResponse(statusCode: .notFound)
    }
    return HTTPResponse(
      statusCode: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
      body: Foundation.Data((registry.text + extra()).utf8))
  }
}
