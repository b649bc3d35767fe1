// SPDX-License-Identifier: Apache-2.0

import FlyingSocks
import Foundation

/// Asks a run on this machine about itself.
package struct ControlClient: Sendable {
  private let folder: RunFolder
  private let seconds: Double

  /// - Parameter seconds: how long an answer may take.
  package init(folder: RunFolder, seconds: Double = ControlServer.requestSecondsMax) {
    self.folder = folder
    self.seconds = seconds
  }

  /// The longest answer that is read, in bytes.
  package static let answerBytesMax = 4 << 20

  /// - Throws: `.runNotAnswering`.
  package func status() async throws -> RunStatus { try decode(await ask("GET", "/status")) }

  /// Asks the run to stop cleanly; the answer is its state then.
  ///
  /// - Throws: `.runNotAnswering`.
  package func leave() async throws -> RunStatus { try decode(await ask("POST", "/leave")) }

  private func decode(_ body: Foundation.Data) throws -> RunStatus {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      return try decoder.decode(RunStatus.self, from: body)
    } catch {
      throw notAnswering("its answer cannot be understood")
    }
  }

  private func ask(_ method: String, _ path: String) async throws -> Foundation.Data {
    do {
      return try await withDeadline(seconds: seconds) {
        try await exchange(method, path)
      }
    } catch let error as CLIError {
      throw error
    } catch is DeadlinePassed {
      throw notAnswering(
        "it did not answer within \(Quantity.seconds(seconds))")
    } catch {
      throw notAnswering("nobody listens on its socket")
    }
  }

  private func exchange(_ method: String, _ path: String) async throws -> Foundation.Data {
    let socket = try await AsyncSocket.connected(
      to: sockaddr_un.unix(path: folder.control), timeout: seconds)
    defer { try? socket.close() }
    let request =
      "\(method) \(path) HTTP/1.1\r\nHost: ferry\r\nConnection: close\r\n"
      + "Content-Length: 0\r\n\r\n"
    try await socket.write(Foundation.Data(request.utf8))
    var head: [UInt8] = []
    while !head.suffix(4).elementsEqual([13, 10, 13, 10]) {
      guard head.count < 16_384 else { throw notAnswering("its answer cannot be understood") }
      head.append(try await socket.read())
    }
    let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
    let length = lines.first { $0.lowercased().hasPrefix("content-length:") }
      .flatMap { Int($0.split(separator: ":")[1].trimmingCharacters(in: .whitespaces)) }
    guard lines.first?.contains(" 200") == true, let length, (0...Self.answerBytesMax) ~= length
    else { throw notAnswering("its answer cannot be understood") }
    return Foundation.Data(try await socket.read(bytes: length))
  }

  private func notAnswering(_ why: String) -> CLIError {
    CLIError(
      .runNotAnswering, what: "the run does not answer: \(why)", place: folder.path,
      remedy: "It may have been killed; start it again with `ferry train` or `ferry join`.")
  }
}
