// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct Report: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draw a run: one HTML file that needs nothing else.",
    discussion: """
      Reads every event log (*.jsonl) in the folder and the folders in it. The run
      may still go on.

      Examples:
        ferry report runs/one                    writes runs/one/report.html
        ferry report runs/one -o report.html

      Exit codes: 0 written, 1 could not write, 2 no event logs there, 64 wrong
      usage.
      """)

  @Argument(help: "A run's folder.", completion: .directory)
  var folder: String

  @Option(name: [.short, .long], help: "Where to write; FOLDER/report.html otherwise.")
  var out: String?

  @OptionGroup var output: OutputOptions

  func run() throws {
    let record = RunRecord(events: try EventReader.read(folder: folder))
    let path = out ?? "\(folder)/report.html"
    try BoundedFile.write(ReportPage(record).html, to: path)
    output.console.result(["written": path], text: "Wrote \(path)")
  }
}
