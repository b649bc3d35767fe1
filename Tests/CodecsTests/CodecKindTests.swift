// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import Testing

@Suite("CodecKind")
struct CodecKindTests {
  @Test("is found again by its name and by its number, which never change")
  func found() throws {
    let known: [(CodecKind, String, UInt8)] = [
      (.float32, "f32", 1), (.bfloat16, "bf16", 2), (.int8, "int8", 3),
      (.int8Stochastic, "int8-stochastic", 4), (.int4, "int4", 5),
      (.int4Stochastic, "int4-stochastic", 6), (.topK, "top-k", 7),
    ]
    #expect(known.count == CodecKind.allCases.count)
    for (kind, name, number) in known {
      #expect(try CodecKind(named: name) == kind)
      #expect(try CodecKind(wireID: number) == kind)
      #expect(kind.wireID == number)
      #expect(kind.codec().kind == kind)
      #expect(kind.codec().name == name)
    }
  }

  @Test("an unknown name hears the choices")
  func unknown() {
    do throws(CodecError) {
      _ = try CodecKind(named: "int3")
      Issue.record("took int3")
    } catch {
      #expect(
        error.description
          == "codec-unknown: there is no codec \"int3\" (configuration). "
          + "Choose one of f32, bf16, int8, int8-stochastic, int4, int4-stochastic, top-k.")
    }
    do throws(CodecError) {
      _ = try CodecKind(wireID: 9)
      Issue.record("took 9")
    } catch {
      #expect(
        error.description
          == "codec-unknown: there is no codec number 9 (a message). "
          + "The peers run different versions; update the older one.")
    }
  }
}
