// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FlyingSocks
import Foundation
import Testing
import ferry

@Suite("Metrics server")
struct MetricsServerTests {
  @Test("a port in use is an error that says what to do")
  func portInUse() async throws {
    let taken = try Socket(domain: Int32(sockaddr_in.family), type: .stream)
    defer { try? taken.close() }
    try taken.bind(to: try sockaddr_in.inet(ip4: "127.0.0.1", port: 0))
    try taken.listen()
    guard case .ip4(_, let port) = try taken.sockname() else {
      Issue.record("no port")
      return
    }
    let message = """
      port-in-use: the port is in use (127.0.0.1:\(port), --metrics). \
      Choose another port with --metrics, or 0 to serve nothing.
      """
    let before = #expect(throws: CLIError.self) { try MetricsServer.checkFree(port) }
    #expect(before?.description == message)
    let server = try MetricsServer(port: port, registry: PrometheusRegistry()) { "" }
    let error = await #expect(throws: CLIError.self) { try await server.run() }
    #expect(error?.description == message)
  }
}
