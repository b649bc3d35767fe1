// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Testing

@Suite("DataFolder")
struct DataFolderTests {
  @Test("what a user names comes first, then XDG, then the home folder")
  func order() {
    let all = ["FERRY_DATA": "mine", "XDG_CACHE_HOME": "/x", "HOME": "/h"]
    #expect(DataFolder.path(environment: all) == "mine")
    #expect(DataFolder.path(environment: all.filter { $0.key != "FERRY_DATA" }) == "/x/ferry/data")
    #expect(
      DataFolder.path(environment: ["FERRY_DATA": "", "XDG_CACHE_HOME": "x", "HOME": "/h"])
        == "/h/.cache/ferry/data")
  }
}
