// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Foundation
import Testing
import ferry

@Suite("Text shelf")
struct TextShelfTests {
  private func message(_ text: RunConfiguration.Data.Text, cache: String) -> String {
    do {
      let entry = try TextShelf(environment: ["XDG_CACHE_HOME": cache]).locate(text)
      return "\(entry.name) \(entry.bytes)"
    } catch {
      return error.description
    }
  }

  @Test("a text that is not there, or empty, is one clear error each")
  func messages() throws {
    let cache = "/tmp/ferry-shelf-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(
      atPath: "\(cache)/books", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: cache) }
    #expect(
      message(.kingJames, cache: cache) == """
        file-unreadable: the text "kjv" has not been fetched yet (\(cache)/ferry/data/kjv.txt). \
        Run `ferry data fetch`, or name a text of your own in data.text.
        """)
    #expect(
      message(.path("\(cache)/none.txt"), cache: cache) == """
        file-unreadable: there is no such text (\(cache)/none.txt). \
        Set data.text to a text file or a folder of them, or run `ferry data fetch`.
        """)
    #expect(
      message(.path("\(cache)/books"), cache: cache) == """
        file-unreadable: the text is empty (\(cache)/books). \
        Set data.text to a text with some thousand bytes at least.
        """)
    try Data("words".utf8).write(to: URL(fileURLWithPath: "\(cache)/books/a.txt"))
    #expect(message(.path("\(cache)/books"), cache: cache) == "books 5")
  }
}
