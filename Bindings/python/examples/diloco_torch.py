# SPDX-License-Identifier: Apache-2.0
"""DiLoCo with a torch model: a small byte-level network on English, over Ferry (see diloco.py)."""

import ctypes
import zlib

import diloco
import torch

CONTEXT, WIDTH, STEPS, BATCH = 16, 96, 10, 64


class Model:
    def __init__(self):
        torch.manual_seed(1)  # All begin alike; a newcomer gets the group's parameters anyway.
        torch.set_num_threads(1)
        self.text = torch.frombuffer(bytearray(diloco.text()), dtype=torch.uint8).long()
        self.network = torch.nn.Sequential(
            torch.nn.Embedding(256, 16),
            torch.nn.Flatten(),
            torch.nn.Linear(16 * CONTEXT, WIDTH),
            torch.nn.GELU(),
            torch.nn.Linear(WIDTH, 256),
        )
        # The inner optimizer's moments are this peer's own.
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=3e-3)

    def parameters(self):
        return torch.nn.utils.parameters_to_vector(self.network.parameters()).detach()

    def zeros(self):
        return torch.zeros_like(self.parameters())

    def load(self, vector):
        with torch.no_grad():
            torch.nn.utils.vector_to_parameters(vector.clone(), self.network.parameters())

    def bytes(self, vector):
        return ctypes.string_at(vector.data_ptr(), 4 * vector.numel())

    def difference(self, before, after):
        return before - after

    def step(self, agreed, momentum, change, rate, decay):
        momentum.mul_(decay).add_(change)
        agreed.sub_(rate * (change + decay * momentum))

    def train(self, seed):
        chance = torch.Generator().manual_seed(zlib.crc32(seed.encode()))
        total = 0.0
        for _ in range(STEPS):
            starts = torch.randint(len(self.text) - CONTEXT - 1, (BATCH,), generator=chance)
            rows = self.text[starts[:, None] + torch.arange(CONTEXT + 1)]
            loss = torch.nn.functional.cross_entropy(self.network(rows[:, :-1]), rows[:, -1])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total / STEPS, STEPS * BATCH


if __name__ == "__main__":
    diloco.main(Model)
