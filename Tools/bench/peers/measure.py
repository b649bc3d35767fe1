#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""All-reduce of Ferry and of whatever peers are installed, in one run, on the same links.

On the loopback interface and in network laboratories (Tools/netlab). All contestants of a place are
up at once and take turns; those that wait sleep. Sums are checked. A time is that of the slowest
rank. Tables on stdout in Markdown, or one JSON object a line with --json; progress on stderr.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import cell as cells  # noqa: E402  (beside this file)
import contestants  # noqa: E402
import table  # noqa: E402

KIB, MIB = 1 << 10, 1 << 20
# Sizes in bytes, and bits a second of the slowest host's link.
PLACES = {
    "loopback": ([4 * KIB, 64 * KIB, MIB, 16 * MIB, 64 * MIB], None),
    "lan": ([4 * KIB, MIB, 16 * MIB, 64 * MIB], 1e9),
    "wan": ([4 * KIB, MIB, 16 * MIB, 64 * MIB], 200e6),
    "lossy": ([4 * KIB, MIB, 16 * MIB], 200e6),
    "slow-peer": ([MIB, 16 * MIB], 50e6),
}
LABORATORY_SECONDS_MAX = 3000
# Before the first contestant's turn: Ferry measures its links when nothing else of its own uses them,
# and what others send then would be taken for the links' own doing.
REST_SECONDS = 15
NO_LABORATORY = 3


def say(text):
    print(f"peers: {text}", file=sys.stderr, flush=True)


def bytes_of(text):
    for suffix, scale in (("k", KIB), ("m", MIB)):
        if text.lower().endswith(suffix):
            return int(text[:-1]) * scale
    return int(text)


def choice_of(values):
    def parse(text):
        words = text.split(",")
        for word in words:
            if word not in values:
                raise argparse.ArgumentTypeError(f"{word} is none of {', '.join(values)}")
        return words
    return parse


def parse():
    names = [one.name for one in contestants.all_contestants()]
    parser = argparse.ArgumentParser(
        prog="collectives-peers.sh", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="environment: PYTHON (with torch and mlx), FERRY_LIBRARY, PCCL_LIBRARY\n"
               "exit codes: 0 measured; 1 Ferry or the bare ring failed; 64 wrong usage")
    add = parser.add_argument
    add("--places", type=choice_of(PLACES), default=list(PLACES), metavar="LIST",
        help=f"of {', '.join(PLACES)}; all unless given")
    add("--worlds", type=lambda text: [int(word) for word in text.split(",")], default=[2, 4],
        metavar="LIST", help="numbers of ranks (2,4)")
    add("--sizes", type=lambda text: [bytes_of(word) for word in text.split(",")], metavar="LIST",
        help="such as 4k,64m; by place unless given")
    add("--only", type=choice_of(names), default=names, metavar="LIST", help=f"of {', '.join(names)}")
    add("--minutes", type=float, default=20, help="about how long, of measuring (20)")
    add("--json", action="store_true", help="one object a line instead of tables")
    add("--list", action="store_true", help="say who can be measured here, and end")
    add("--inside", metavar="JSON", help=argparse.SUPPRESS)
    return parser.parse_args()


def prepared(names, shop):
    """Those that can be measured here; the others with what they miss."""
    found, missing = [], {}
    for one in contestants.all_contestants():
        if one.name not in names:
            continue
        try:
            one.prepare(shop)
            found.append(one)
        except contestants.Missing as error:
            missing[one.title] = str(error)
    return found, missing


def measure(place, world, hosts, sizes, names, seconds_each, folder, show):
    """All figures of one place and world."""
    found, _ = prepared(names, contestants.Workshop(folder))
    found = [one for one in found if one.profiles is None or place in one.profiles]
    titles = {one.name: one.title for one in found}
    cell = cells.Cell(place, world, hosts)
    try:
        ready = []
        for one in found:
            try:
                cell.begin(one)
                ready.append(one.name)
            except (cells.Trouble, OSError) as error:
                cell.end(one.name)
                show({"place": place, "world": world, "contestant": one.name, "title": one.title,
                      "trouble": f"did not start: {error}"})
        if cell.is_laboratory:
            time.sleep(REST_SECONDS)
        for size in sizes:
            names = [name for name in ready if name in cell.members]
            for name, times, processor, trouble in cell.measure(names, size // 4, seconds_each):
                figure = {"place": place, "world": world, "bytes": size, "contestant": name,
                          "title": titles[name]}
                if times:
                    times.sort()
                    figure.update(
                        median=times[len(times) // 2], p90=times[len(times) * 9 // 10],
                        times=len(times), processor_seconds_per_gb=processor / len(times) / size * 1e9)
                if trouble:
                    figure["trouble"] = trouble
                show(figure)
    finally:
        cell.close()


def in_laboratory(place, plan, show):
    """The same, in a process on the first host of a laboratory of its own."""
    words = [sys.executable, str(cells.NETLAB), "run", "--profile", place, "--hosts",
             str(plan["world"]), "--on", "1", "--no-prefix", "--timeout", str(LABORATORY_SECONDS_MAX),
             "--", sys.executable, str(HERE / "measure.py"), "--inside", json.dumps(plan)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as lab:
        for line in lab.stdout:
            show(json.loads(line))
    if lab.returncode not in (0, NO_LABORATORY):
        say(f"the laboratory {place} ended with {lab.returncode}")


def inside(plan):
    hosts = os.environ["NETLAB_ADDRESSES"].split(",")
    measure(plan["place"], plan["world"], hosts, plan["sizes"], plan["names"], plan["seconds"],
            plan["folder"], lambda figure: print(json.dumps(figure), flush=True))


def main():
    options = parse()
    if options.inside:
        return inside(json.loads(options.inside))
    folder = tempfile.mkdtemp(prefix="ferry-peers-shop-")
    try:
        return compare(options, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def compare(options, folder):
    found, missing = prepared(options.only, contestants.Workshop(folder))
    if options.list:
        for one in found:
            print(f"{one.name:<16} {one.title}")
        for title, why in missing.items():
            print(f"{'':<16} {title}: {why}")
        return 0
    figures = []

    def show(figure):
        bound = PLACES[figure["place"]][1]
        if bound and "median" in figure:
            share = 2 * (figure["world"] - 1) / figure["world"]
            figure["bound"] = share * figure["bytes"] / (bound / 8)
        figures.append(figure)
        say(table.line(figure))

    places = options.places
    laboratories = [place for place in places if place != "loopback"]
    if laboratories:
        check = subprocess.run(
            [sys.executable, str(cells.NETLAB), "check"], stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        if check.returncode != 0:
            missing["laboratories " + ", ".join(laboratories)] = check.stderr.strip()
            places = [place for place in places if place == "loopback"]
    sizes = {place: options.sizes or PLACES[place][0] for place in places}
    runs = sum(len(sizes[place]) for place in places) * len(options.worlds) * max(1, len(found))
    seconds = options.minutes * 60 / max(1, runs)
    names = [one.name for one in found]
    for place in places:
        for world in options.worlds:
            if place == "loopback":
                hosts = ["127.0.0.1"] * world
                measure(place, world, hosts, sizes[place], names, seconds, folder, show)
            else:
                in_laboratory(place, {
                    "place": place, "world": world, "sizes": sizes[place], "names": names,
                    "seconds": seconds, "folder": folder}, show)
    table.complete(figures)
    if options.json:
        for figure in figures:
            print(json.dumps(figure))
        print(json.dumps({"missing": missing}))
    else:
        print(table.markdown(figures, missing))
    ours = [f for f in figures if f["contestant"] in ("ferry", "bare") and "trouble" in f]
    return 1 if ours else 0


if __name__ == "__main__":
    sys.exit(main())
