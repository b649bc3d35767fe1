# SPDX-License-Identifier: Apache-2.0
"""DiLoCo with the standard library alone: which letter follows which, learnt by SGD (see diloco.py)."""

import array
import math
import random

import diloco

LETTERS = b"abcdefghijklmnopqrstuvwxyz "
RATE, SAMPLES = 0.5, 400


class Model:
    def __init__(self):
        self.text = [LETTERS.find(byte) for byte in diloco.text().lower()]
        self.table = array.array("f", bytes(4 * len(LETTERS) ** 2))

    def parameters(self):
        return array.array("f", self.table)

    def zeros(self):
        return array.array("f", bytes(4 * len(self.table)))

    def load(self, vector):
        self.table = array.array("f", vector)

    def bytes(self, vector):
        return vector.tobytes()

    def difference(self, before, after):
        return array.array("f", (b - a for b, a in zip(before, after)))

    def step(self, agreed, momentum, change, rate, decay):
        for i, value in enumerate(change):
            momentum[i] = decay * momentum[i] + value
            agreed[i] -= rate * (value + decay * momentum[i])

    def train(self, seed):
        chance = random.Random(seed)
        total = seen = 0
        while seen < SAMPLES:
            at = chance.randrange(len(self.text) - 1)
            first, second = self.text[at], self.text[at + 1]
            if first < 0 or second < 0:
                continue
            row = range(first * len(LETTERS), (first + 1) * len(LETTERS))
            odds = [math.exp(self.table[i]) for i in row]
            whole = sum(odds)
            total -= math.log(odds[second] / whole)
            for k, i in enumerate(row):
                self.table[i] -= RATE * (odds[k] / whole - (k == second))
            seen += 1
        return total / seen, seen


if __name__ == "__main__":
    diloco.main(Model)
