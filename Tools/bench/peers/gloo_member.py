# SPDX-License-Identifier: Apache-2.0
"""Gloo, as torch.distributed has it."""

import datetime

import member
import torch
import torch.distributed as distributed


class Tensors:
    @staticmethod
    def filled(count, value):
        return torch.full((count,), value, dtype=torch.float32)

    @staticmethod
    def clear(values):
        values.zero_()

    @staticmethod
    def look(values, index):
        return values[index].item()


def main():
    driver = member.Driver()
    torch.set_num_threads(1)
    try:
        distributed.init_process_group(
            "gloo", init_method=f"tcp://{member.ADDRESSES[0]}", rank=member.RANK,
            world_size=member.WORLD, timeout=datetime.timedelta(seconds=300))
    except Exception as error:
        driver.fail(error)

    def reduce(values):
        distributed.all_reduce(values)
        return values

    driver.serve(reduce, Tensors)


main()
