// SPDX-License-Identifier: Apache-2.0

import Testing
import ferry

@Suite("Resolved configuration")
struct ResolvedConfigurationTests {
  private func resolved(_ settings: String...) throws -> ResolvedConfiguration {
    try ConfigurationLoader(settings: settings).load().resolved
  }

  @Test("the digest of the defaults does not change by accident")
  func digestIsStable() throws {
    let digest = try resolved().digest()
    #expect(digest == "c442e1d30809c4156f3654ef6dcc5a68100b9e30f4a6fa62591d0feb191172f0")
  }

  @Test("what must be equal on all peers changes the digest; a machine's own business does not")
  func digestScope() throws {
    let digest = try resolved().digest()
    #expect(try resolved("train.batch=9").digest() != digest)
    #expect(try resolved("run.seed=2").digest() != digest)
    #expect(try resolved("compute.threads=3", "peers.listen=[::]:1").digest() == digest)
    #expect(try resolved("data.text=/elsewhere").digest() == digest)
    #expect(try resolved("train.clip=1").digest() == digest)
  }

  @Test("facts found on a machine are part of the digest")
  func digestFacts() throws {
    let one = try resolved().digest(facts: ["text": "a"])
    #expect(try resolved().digest(facts: ["text": "b"]) != one)
    #expect(try resolved().digest() != one)
  }

  @Test("differences are told by key")
  func differences() throws {
    let here = try resolved("train.batch=16", "compute.threads=2")
    #expect(try here.differences(from: resolved()) == ["train.batch is 16 here and 8 there"])
  }
}
