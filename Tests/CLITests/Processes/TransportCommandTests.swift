// SPDX-License-Identifier: Apache-2.0

import FerryRecipes
import Foundation
import Testing
import ferry

extension ProgramTests {
  @Suite("Optimal transport and recipes, as people see them")
  struct TransportCommandTests {
    private let yard: Yard

    init() throws {
      yard = try Yard()
      try write("a.csv", "x,y\n0,0\n1,0\n0,1\n")
      try write("b.csv", "x,y\n2,0\n3,0\n")
      try write("w.csv", "0.5\n0.25\n0.25\n")
    }

    private func write(_ name: String, _ text: String) throws {
      try text.write(toFile: "\(yard.path)/\(name)", atomically: true, encoding: .utf8)
    }

    @Test("solve: cost, proof, files; one object for scripts")
    func solve() throws {
      let words = ["ot", "solve", "a.csv", "b.csv", "--source-masses", "w.csv"]
      let ended = try yard.ferry(words + ["--output", "p.csv", "--plot", "p.svg"])
      #expect(ended.status == 0 && ended.errors == "")
      let lines = ended.out.split(separator: "\n")
      #expect(lines.contains("cost            5.5"), "\(ended.out)")
      #expect(lines.contains("wrote           p.csv") && lines.contains("wrote           p.svg"))
      let moved = try String(contentsOfFile: "\(yard.path)/p.csv", encoding: .utf8)
      #expect(moved.hasPrefix("row,column,mass\n0,"))
      let drawn = try yard.ferry(words + ["--plot", "p.png"])
      #expect(drawn.status == 0 && drawn.out.contains("wrote           p.png"))
      let other = try yard.ferry(words + ["--plot", "p.pdf"])
      #expect(other.status == 64 && other.errors.contains("--plot writes .svg or .png"))
      let json = try yard.ferry(words + ["--share", "0.01", "--json"])
      #expect(json.status == 0 && json.out.contains("\"is_converged\":true"), "\(json.out)")
      #expect(json.out.contains("\"method\":\"sinkhorn\""))
    }

    @Test("what does not converge is an error, exit code 1, and writes nothing")
    func unfinished() throws {
      let ended = try yard.ferry([
        "ot", "solve", "a.csv", "b.csv", "--epsilon", "0.001", "--iterations", "1",
        "--output", "p.npy",
      ])
      #expect(ended.status == 1 && ended.out == "")
      #expect(
        ended.errors.hasPrefix("ferry: not-converged: after 1 iterations the marginal error is "),
        "\(ended.errors)")
      #expect(!FileManager.default.fileExists(atPath: "\(yard.path)/p.npy"))
    }

    @Test("files that cannot be used: one sentence with file and row, exit code 2")
    func refused() throws {
      try write("bad.csv", "0,0\n1,nan\n")
      let bad = try yard.ferry(["ot", "solve", "a.csv", "bad.csv"])
      #expect(
        bad.status == 2
          && bad.errors
            == "ferry: numbers-malformed: column 2 is nan (bad.csv, line 2). "
            + "Leave the row out, or give its number: all must be finite.\n",
        "\(bad.errors)")
      let gone = try yard.ferry(["ot", "solve", "a.csv", "gone.npy"])
      #expect(
        gone.status == 2
          && gone.errors
            == "ferry: file-unreadable: there is no such file (gone.npy). "
            + "Name a file of numbers: .npy, or .csv with one row a line.\n",
        "\(gone.errors)")
      let usage = try yard.ferry(["ot", "solve", "a.csv", "b.csv", "--method", "newton"])
      #expect(usage.status == 64)
      #expect(usage.errors.contains("--method newton needs a strength: --share 0.01 is usual."))
    }

    @Test("distance, map, barycenter and cluster answer")
    func others() throws {
      let distance = try yard.ferry(["ot", "distance", "a.csv", "a.csv", "--json"])
      #expect(distance.status == 0 && distance.out.contains("\"distance\":0"), "\(distance.out)")
      let map = try yard.ferry([
        "ot", "map", "a.csv", "b.csv", "--points", "b.csv", "--output", "m.csv",
      ])
      #expect(map.status == 0, "\(map.errors)")
      #expect(try NumbersFile.read("\(yard.path)/m.csv").rows == 2)
      let center = try yard.ferry([
        "ot", "barycentre", "a.csv", "b.csv", "--points", "4", "--output", "c.npy",
      ])
      #expect(center.status == 0, "\(center.errors)")
      #expect(try NumbersFile.read("\(yard.path)/c.npy").rows == 4)
      try write("c.csv", "2.1,0\n3.1,0\n")
      let groups = try yard.ferry([
        "ot", "cluster", "a.csv", "b.csv", "c.csv", "--clusters", "2", "--json",
      ])
      #expect(groups.status == 0, "\(groups.errors)")
      #expect(groups.out.contains("[\"b.csv\",\"c.csv\"]"), "\(groups.out)")
    }

    @Test("select: near rows of the pool, by count or by folds; usage says which")
    func select() throws {
      try write("pool.csv", "x,y\n9,9\n0.1,0\n2.9,0\n-7,5\n2,0.2\n0,0.9\n")
      let words = ["ot", "select", "pool.csv", "b.csv", "--features", "plain"]
      let ended = try yard.ferry(words + ["--count", "2", "--output", "s.csv"])
      #expect(ended.status == 0 && ended.errors == "", "\(ended.errors)")
      #expect(
        ended.out.contains("chosen          2 of 6 samples for 2 targets, by their count"),
        "\(ended.out)")
      let rows = try String(contentsOfFile: "\(yard.path)/s.csv", encoding: .utf8)
      #expect(rows == "row\n4\n2\n")
      let auto = try yard.ferry(
        words + ["--auto", "--folds", "2", "--output", "s.npy", "--json"])
      #expect(auto.status == 0 && auto.out.contains("\"folds\":2"), "\(auto.errors)")
      #expect(try NumbersFile.read("\(yard.path)/s.npy").values == [2, 4])
      let usage = try yard.ferry(words + ["--output", "s.csv"])
      #expect(usage.status == 64)
      #expect(usage.errors.contains("Say how many: --count 100, or --auto."), "\(usage.errors)")
      let many = try yard.ferry(words + ["--count", "7", "--output", "s.csv"])
      #expect(
        many.status == 2
          && many.errors
            == "ferry: setting-out-of-range: 7 of 6 samples (selection). "
            + "Choose at least 1, and at most what the pool has.\n",
        "\(many.errors)")
    }

    @Test("recipe data: what is here, what is damaged, and what there is not")
    func recipeData() throws {
      let folder = ["--data", "\(yard.path)/shelf"]
      let none = try yard.ferry(["recipe", "data", "list"] + folder)
      #expect(none.status == 0 && none.errors == "")
      let line = none.out.split(separator: "\n").first { $0.hasPrefix("digits8 ") }
      #expect(line?.contains(" missing ") == true, "\(none.out)")
      // A file that is there, and is not the one that was checked.
      let item = DataItem.digits8
      let place = "\(yard.path)/shelf/digits8"
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      for file in item.files { try write("shelf/digits8/\(file.name)", "1,2\n") }
      let verify = try yard.ferry(["recipe", "data", "verify", "digits8"] + folder)
      #expect(verify.status == 1 && verify.out == "digits8  damaged  \(place)\n", "\(verify.out)")
      let json = try yard.ferry(["recipe", "data", "verify", "digits8", "--json"] + folder)
      #expect(json.out.contains("\"state\":\"damaged\""), "\(json.out)")
      let run = try yard.ferry(["recipe", "run", "digits-adaptation"] + folder)
      #expect(run.status == 2, "\(run.errors)")
      #expect(
        run.errors
          == "ferry: data-missing: mnist5k is not there (\(yard.path)/shelf). Run: ferry recipe data "
          + "fetch mnist5k; or name the folder that has it with --data.\n", "\(run.errors)")
      let other = try yard.ferry(["recipe", "data", "fetch", "digits9"] + folder)
      #expect(
        other.status == 2
          && other.errors
            == "ferry: recipe-data-unknown: no data is called \"digits9\" (ferry recipe data). "
            + "Did you mean digits8?\n",
        "\(other.errors)")
    }

    @Test("recipes: listed, shown, cited, run; another name is refused")
    func recipes() throws {
      let list = try yard.ferry(["recipe", "list"])
      #expect(list.status == 0 && list.out.contains("\ncolor-transfer "))
      let cite = try yard.ferry(["recipe", "cite", "color-transfer"])
      #expect(cite.out.hasPrefix("@article{ferradans2014regularized,\n"))
      let show = try yard.ferry(["recipe", "show", "sinkhorn-newton"])
      #expect(show.status == 0 && show.out.contains("\nClaims\n"))
      let ran = try yard.ferry([
        "recipe", "run", "color-transfer", "--smoke", "--html", "r.html", "--json",
      ])
      #expect(ran.status == 0, "\(ran.errors)")
      #expect(ran.out.contains("\"verdict\":\"NOT EVALUATED\""))
      #expect(
        try String(contentsOfFile: "\(yard.path)/r.html", encoding: .utf8).contains("IN SYNC"))
      let toy = try yard.ferry(["recipe", "run", "color-transfer", "--budget", "smoke", "--json"])
      #expect(toy.status == 0 && toy.out.contains("\"budget\":\"smoke\""), "\(toy.errors)")
      let both = try yard.ferry([
        "recipe", "run", "color-transfer", "--smoke", "--budget", "full",
      ])
      #expect(both.status == 64 && both.errors.contains("Give --smoke or --budget full, not both."))
      #expect(show.out.contains("Full     three seeds, with intervals; 1,000 × 1,000"))
      let none = try yard.ferry(["recipe", "show", "colour-transfer"])
      #expect(
        none.status == 2
          && none.errors
            == "ferry: recipe-unknown: there is no recipe \"colour-transfer\" (ferry recipe). "
            + "Did you mean color-transfer?\n",
        "\(none.errors)")
    }
  }
}
