# SPDX-License-Identifier: Apache-2.0
"""The ring of mlx.core.distributed."""

import json
import os

import member
import mlx.core as mx


class Arrays:
    @staticmethod
    def filled(count, value):
        values = mx.full((count,), value, dtype=mx.float32)
        mx.eval(values)
        return values

    @staticmethod
    def clear(values):
        pass

    @staticmethod
    def look(values, index):
        return values[index].item()


def main():
    driver = member.Driver()
    try:
        path = os.path.join(member.FOLDER, f"mlx-hosts-{member.RANK}.json")
        with open(path, "w") as file:
            json.dump([[address] for address in member.ADDRESSES], file)
        os.environ.update(MLX_HOSTFILE=path, MLX_RANK=str(member.RANK))
        mx.set_default_device(mx.cpu)
        group = mx.distributed.init(strict=True, backend="ring")
    except Exception as error:
        driver.fail(error)

    def reduce(values):
        total = mx.distributed.all_sum(values, group=group)
        mx.eval(total)
        return total

    driver.serve(reduce, Arrays)


main()
