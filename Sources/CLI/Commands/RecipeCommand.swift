// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryBasics
import FerryRecipes

struct RecipeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recipe",
    abstract: "Run papers, and see which of their claims hold here.",
    subcommands: [
      RecipeList.self, RecipeShow.self, RecipeRunCommand.self, RecipeCite.self,
      RecipeDataCommand.self,
    ])

  /// The recipe of a name.
  ///
  /// - Throws: `.recipeUnknown`, with the names there are.
  static func named(_ name: String) throws(CLIError) -> any Recipe {
    if let recipe = RecipeShelf.named(name) { return recipe }
    let known = RecipeShelf.all.map(\.paper.name)
    let nearest = nearest(to: name, among: known)
    throw CLIError(
      .recipeUnknown, what: "there is no recipe \"\(name)\"", place: "ferry recipe",
      remedy: nearest.map { "Did you mean \($0)?" }
        ?? "There are: \(known.joined(separator: ", ")).")
  }
}

/// The recipe that a command is about.
struct RecipeArgument: ParsableArguments {
  @Argument(
    help: ArgumentHelp("The recipe; see `ferry recipe list`.", valueName: "name"),
    completion: .list(RecipeShelf.all.map(\.paper.name)))
  var name: String
}

struct RecipeList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the recipes.",
    discussion: """
      Examples:
        ferry recipe list
        ferry recipe list --json     one object a recipe

      Exit codes: 0 listed, 64 wrong usage.
      """)

  @OptionGroup var output: OutputOptions

  func run() throws {
    var table = TextTable([
      ("NAME", .leading), ("CLAIMS", .trailing), ("YEAR", .trailing), ("DATA", .leading),
      ("WHAT IT DOES", .leading),
    ])
    for recipe in RecipeShelf.all {
      let summary = RecipeSummary(recipe)
      if output.json {
        output.console.emit(json: summary)
      } else {
        table.add([
          summary.name, "\(summary.claims.count)", "\(recipe.paper.references[0].year)",
          summary.needs.isEmpty ? "–" : summary.needs.joined(separator: " "), summary.title,
        ])
      }
    }
    if !output.json { output.console.result("", text: table.text) }
  }
}

struct RecipeShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Tell what a recipe is about and what it claims.",
    discussion: """
      Examples:
        ferry recipe show color-transfer
        ferry recipe show sinkhorn-newton --json

      Exit codes: 0 shown, 2 no such recipe, 64 wrong usage.
      """)

  @OptionGroup var recipe: RecipeArgument
  @OptionGroup var output: OutputOptions

  func run() throws {
    let summary = RecipeSummary(try RecipeCommand.named(recipe.name))
    output.console.result(summary, text: summary.text(width: 80))
  }
}

struct RecipeCite: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cite",
    abstract: "Print a recipe's references as BibTeX.",
    discussion: """
      Examples:
        ferry recipe cite color-transfer >> paper.bib
        ferry recipe cite sinkhorn-newton --json

      Exit codes: 0 printed, 2 no such recipe, 64 wrong usage.
      """)

  @OptionGroup var recipe: RecipeArgument
  @OptionGroup var output: OutputOptions

  func run() throws {
    let references = try RecipeCommand.named(recipe.name).paper.references
    output.console.result(
      ["bibtex": references.map(\.bibTeX)],
      text: references.map(\.bibTeX).joined(separator: "\n"))
  }
}

struct RecipeRunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a recipe, and judge its claims by what is measured.",
    discussion: """
      Prints what was moved, what it cost, the error left, and each claim with its
      verdict: PASS, WEAK (better than the baseline, not by enough) or FAIL. A claim
      that fails here is printed as FAIL, and is no error of the command.

      --budget smoke takes seconds, at toy sizes: claims are not evaluated. full
      takes up to half an hour: three seeds, with intervals, at larger sizes where
      there are any; `ferry recipe show` says.

      --control runs the baseline under the method's name: claims should then fail,
      which shows that they can.

      A recipe that runs on data which is not here names the command that brings it;
      --fetch brings it on the way.

      Examples:
        ferry recipe run color-transfer --html colors.html
        ferry recipe run sinkhorn-newton --seed 7 --json
        ferry recipe run prototype-alignment --fetch
        ferry recipe run sinkhorn-newton --budget full

      Exit codes: 0 ran, whatever the verdicts, 1 could not run or write, 2 no such
      recipe or its data is not here, 64 wrong usage.
      """)

  @OptionGroup var recipe: RecipeArgument

  @Option(help: "How much it may take.") var budget = BudgetOption.standard

  @Flag(help: "The same as --budget smoke.") var smoke = false

  @Flag(help: "Run the baseline under the method's name.") var control = false

  @Option(help: "Where all chance comes from.") var seed: UInt64 = 1

  @Option(
    help: ArgumentHelp("Where to write the report as one HTML file.", valueName: "file"),
    completion: .file(extensions: ["html"]))
  var html: String?

  @Flag(help: "Bring the data that the recipe needs, if it is not here.") var fetch = false

  @OptionGroup var folder: DataFolderOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if smoke, budget == .full {
      throw ValidationError("Give --smoke or --budget full, not both.")
    }
  }

  func run() throws {
    let chosen = try RecipeCommand.named(recipe.name)
    let console = output.console
    let shelf = folder.shelf
    if fetch {
      for item in chosen.needs { try shelf.fetch(item) { console.note($0) } }
    }
    let start = ContinuousClock.now
    let report = try RecipeReport(
      chosen,
      in: RecipeRun(
        budget: smoke ? .smoke : budget.budget, seed: Seed(seed),
        subject: control ? .baseline : .method, data: shelf, now: { ContinuousClock.now - start },
        note: { console.note("… \($0)") }))
    if let html { try BoundedFile.write(RecipePage(report).html, to: html) }
    console.result(report, text: RecipeText(report, page: html).text(width: console.width))
  }
}

/// A budget by its name on the command line.
enum BudgetOption: String, CaseIterable, ExpressibleByArgument {
  case smoke
  case standard
  case full

  var budget: Budget {
    switch self {
    case .smoke: .smoke
    case .standard: .standard
    case .full: .full
    }
  }
}
