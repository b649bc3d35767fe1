# SPDX-License-Identifier: Apache-2.0
"""Ferry through its C library: `encrypted` or `clear`, and the codec."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "Bindings" / "python"))
import ferry  # noqa: E402  (lies in Bindings)
import member  # noqa: E402

OPERATION_SECONDS_MAX = 300.0


def main():
    driver = member.Driver()
    options = {
        "listen": member.ADDRESSES[member.RANK], "members": member.WORLD, "operation": "sum",
        "encrypted": sys.argv[1] == "encrypted", "codec": sys.argv[2]}
    name = os.environ["BENCH_NAME"] + ".secret"
    try:
        if member.RANK == 0:
            secret = ferry.new_secret()
            group = ferry.Group.found("bench", secret, **options)
            member.write_file(name, secret)
        else:
            group = ferry.Group.join(
                "bench", member.await_file(name), member.ADDRESSES[0],
                seconds=member.WAIT_SECONDS_MAX, **options)
    except Exception as error:
        driver.fail(error)

    def reduce(values):
        group.all_reduce(values, op="sum", codec=sys.argv[2], seconds=OPERATION_SECONDS_MAX)
        return values

    driver.serve(reduce, tolerance=0 if sys.argv[2] == "f32" else 0.02)


main()
