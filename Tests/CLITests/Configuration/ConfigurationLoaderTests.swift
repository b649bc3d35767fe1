// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import Foundation
import Testing
import ferry

@Suite("Configuration loader")
struct ConfigurationLoaderTests {
  private func load(
    _ text: String? = nil, environment: [String: String] = [:], _ settings: String...
  ) throws -> RunConfiguration {
    try ConfigurationLoader(
      file: text.map { ("run.toml", $0) }, environment: environment, settings: settings
    ).load()
  }

  /// The message of the error that loading throws.
  private func message(
    _ text: String? = nil, environment: [String: String] = [:], _ settings: String...
  ) -> String {
    do {
      _ = try ConfigurationLoader(
        file: text.map { ("run.toml", $0) }, environment: environment, settings: settings
      ).load()
      return "no error"
    } catch {
      #expect(ExitStatus(error) == .refused)
      return error.description
    }
  }

  @Test("defaults need no file")
  func defaults() throws {
    let configuration = try load()
    #expect(configuration.train.strategy == .diloco)
    #expect(configuration.train.innerSteps == 100)
    #expect(configuration.train.outerLearningRate == 0.7)
    #expect(configuration.train.outerMomentum == 0.9)
    #expect(configuration.peers.listen == HostPort(host: "0.0.0.0", port: 7700))
    #expect(configuration.data.text == .kingJames)
    #expect(configuration.telemetry.metricsPort == nil)
  }

  @Test("flags win over environment, environment over file, file over defaults")
  func precedence() throws {
    let file = "[train]\nbatch = 2\nwarmup = 3\nclip = 4\n"
    let environment = ["FERRY_TRAIN_WARMUP": "30", "FERRY_TRAIN_CLIP": "40"]
    let configuration = try load(file, environment: environment, "train.clip=400")
    #expect(configuration.train.batch == 2)
    #expect(configuration.train.warmup == 30)
    #expect(configuration.train.clip == 400)
    #expect(configuration.resolved["train.batch"].source == .file("run.toml", line: 2))
    #expect(
      configuration.resolved["train.warmup"].source == .environment("FERRY_TRAIN_WARMUP"))
    #expect(configuration.resolved["train.clip"].source == .flag("--set train.clip=400"))
    #expect(configuration.resolved["train.codec"].source == .fallback)
  }

  @Test("the later of two flags wins")
  func laterFlagWins() throws {
    #expect(try load(nil, "train.batch=3", "train.batch=5").train.batch == 5)
  }

  @Test("a misspelt key is named with the nearest one, and its line")
  func misspelt() {
    #expect(
      message("[train]\n\ninner_step = 5\n") == """
        config-unknown-key: [train] has no key "inner_step" (run.toml:3). \
        Did you mean "inner_steps"?
        """)
  }

  @Test("a key in the wrong section is sent to its own")
  func wrongSection() {
    #expect(
      message("[model]\nbatch = 5\n") == """
        config-unknown-key: [model] has no key "batch" (run.toml:2). "batch" belongs in [train].
        """)
  }

  @Test("a key that is near to none gets the list")
  func nothingNear() {
    #expect(
      message("[checkpoint]\nbananas = 5\n") == """
        config-unknown-key: [checkpoint] has no key "bananas" (run.toml:2). \
        Keys of [checkpoint] are folder, every, keep.
        """)
  }

  @Test("a misspelt section is named with the nearest one")
  func misspeltSection() {
    #expect(
      message("[trian]\nbatch = 5\n") == """
        config-unknown-key: there is no section [trian] (run.toml:1). Did you mean [train]?
        """)
  }

  @Test("a value of another type is refused with what it must be")
  func wrongType() {
    #expect(
      message("[train]\nbatch = \"many\"\n") == """
        config-wrong-type: train.batch must be a whole number from 1 to 4096, got the text "many" \
        (run.toml:2). `ferry init` writes a file that explains every key.
        """)
    #expect(
      message("[train]\nbatch = 1.5\n") == """
        config-wrong-type: train.batch must be a whole number from 1 to 4096, got the number 1.5 \
        (run.toml:2). `ferry init` writes a file that explains every key.
        """)
  }

  @Test("a value out of range is refused with the range")
  func outOfRange() {
    #expect(
      message(nil, "train.outer_momentum=1.5") == """
        config-out-of-range: train.outer_momentum must be a number from 0 to 0.9999, got 1.5 \
        (flag --set train.outer_momentum=1.5). `ferry init` writes a file that explains every key.
        """)
  }

  @Test("a misspelt choice is named with the nearest one")
  func misspeltChoice() {
    #expect(
      message(nil, environment: ["FERRY_TRAIN_CODEC": "int9"]) == """
        config-out-of-range: train.codec must be one of "int8", "int8-stochastic", "int4", \
        "int4-stochastic", "top-k", "bf16", "f32", got "int9" \
        (environment FERRY_TRAIN_CODEC). Did you mean "int8"?
        """)
  }

  @Test("a syntax error tells its line and column")
  func syntax() {
    let text = message("[train]\nbatch = = 5\n")
    #expect(text.hasPrefix("config-syntax: "))
    #expect(text.contains("(run.toml:2:9)"), "\(text)")
  }

  @Test("a flag without an equals sign is explained")
  func badFlag() {
    #expect(
      message(nil, "train.batch") == """
        config-syntax: "train.batch" is not section.key=value (--set train.batch). \
        Write it like --set train.batch=16.
        """)
  }

  @Test("an unknown variable of a section is an error; other FERRY_ variables are not ours")
  func unknownVariable() throws {
    #expect(
      message(nil, environment: ["FERRY_TRAIN_BACTH": "4"]) == """
        config-unknown-key: [train] has no key "bacth" (environment FERRY_TRAIN_BACTH). \
        Did you mean "batch"?
        """)
    _ = try load(nil, environment: ["FERRY_ROOM": "CLI", "FERRY_SEED": "4"])
  }

  @Test("a width that heads cannot share is refused")
  func conflict() {
    #expect(
      message("[model]\nwidth = 130\n") == """
        config-conflict: model.width 130 is not a multiple of model.heads 4 \
        (model.width, run.toml:2). Choose a width that the heads can share equally, such as 132.
        """)
  }

  @Test("an address that is none is refused")
  func badAddress() {
    #expect(
      message(nil, "peers.listen=7700") == """
        config-wrong-type: peers.listen must be host:port, got "7700" \
        (flag --set peers.listen=7700). Write it like "0.0.0.0:7700" or "[::]:7700".
        """)
  }

  @Test("a list comes from a file or, with commas, from a flag")
  func lists() throws {
    let (a, b) = (Identity().id, Identity().id)
    #expect(try load("[peers]\nallow = [\"\(a)\", \"\(b)\"]\n").peers.allow == [a, b])
    #expect(try load(nil, "peers.allow=\(a), \(b)").peers.allow == [a, b])
  }

  @Test("a peer id that is none is refused")
  func badPeerID() {
    #expect(
      message("[peers]\nallow = [\"me\"]\n") == """
        config-wrong-type: "me" is not a peer id (peers.allow, run.toml:2). \
        A peer id has 52 letters and digits and begins with 12D3KooW; copy it whole.
        """)
  }

  @Test("a whole number will do where a number is expected")
  func wholeAsReal() throws {
    #expect(try load("[train]\nouter_learning_rate = 1\n").train.outerLearningRate == 1)
  }

  @Test("a file that is not there says how to make one")
  func missingFile() {
    let error = #expect(throws: CLIError.self) {
      _ = try ConfigurationLoader.reading(
        path: "/nowhere/run.toml", environment: [:], settings: [])
    }
    #expect(
      error?.description == """
        file-unreadable: there is no such file (/nowhere/run.toml). \
        `ferry init /nowhere/run.toml` writes one.
        """)
  }
}
