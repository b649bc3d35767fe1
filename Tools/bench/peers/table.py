# SPDX-License-Identifier: Apache-2.0
"""The figures as people read them."""


def size(count):
    for scale, unit in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= scale:
            return f"{count / scale:g} {unit}"
    return f"{count} B"


def seconds(value):
    return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.3g} ms" if value < 0.1 else f"{value * 1e3:.0f} ms"


def line(figure):
    place = f"{figure['place']}, {figure['world']} ranks"
    if "bytes" in figure:
        place += f", {size(figure['bytes'])}"
    said = f"{place}, {figure['title']}: "
    if "median" in figure:
        said += f"{seconds(figure['median'])} (p90 {seconds(figure['p90'])}, {figure['times']} times)"
    return said + (f" {figure['trouble']}" if "trouble" in figure else "")


def complete(figures):
    """Adds how many times the bare ring's and the bound's time each took."""
    bare = {(f["place"], f["world"], f["bytes"]): f["median"]
            for f in figures if f["contestant"] == "bare" and "median" in f}
    for figure in figures:
        if "median" not in figure:
            continue
        floor = bare.get((figure["place"], figure["world"], figure["bytes"]))
        if floor:
            figure["times_bare"] = figure["median"] / floor
        if "bound" in figure:
            figure["share_of_bound"] = figure["bound"] / figure["median"]


def markdown(figures, missing):
    out = []
    for key in dict.fromkeys((f["place"], f["world"]) for f in figures):
        mine = [f for f in figures if (f["place"], f["world"]) == key]
        out += [f"### {key[0]}, {key[1]} ranks", "",
                "| Vector | Contestant | Median | p90 | Times the bare ring | Of the bound | "
                "CPU s per GB | Times |", "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
        for f in mine:
            if "median" not in f:
                continue
            ratio = f"{f['times_bare']:.2f}" if "times_bare" in f else ""
            share = f"{f['share_of_bound']:.0%}" if "share_of_bound" in f else ""
            out.append(
                f"| {size(f['bytes'])} | {f['title']} | {seconds(f['median'])} | "
                f"{seconds(f['p90'])} | {ratio} | {share} | "
                f"{f['processor_seconds_per_gb']:.2f} | {f['times']} |")
        out.append("")
        for f in mine:
            if "trouble" in f:
                at = f" at {size(f['bytes'])}" if "bytes" in f else ""
                out += [f"{f['title']}{at}: {f['trouble']}", ""]
    out += ["CPU: of all ranks together, for each GB of the vector. The bound: 2 (N - 1) / N of the vector over",
            "each host's link, the slowest's where they differ. Times are of the slowest rank.", ""]
    out += [f"Not measured: {name}: {why}" for name, why in missing.items()]
    return "\n".join(out)
