# SPDX-License-Identifier: Apache-2.0
"""One training step of the benchmark GPT in PyTorch, timed; prints one JSON line.

The same model, batch and optimizer as Tests/LearningTests/Benchmarks/GPTStepBenchmarks.swift.
"""
import json
import os
import statistics
import sys
import time

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    print("gpt-step: PyTorch is not installed for this python; there is nothing to compare with.", file=sys.stderr)
    sys.exit(3)

VOCABULARY, CONTEXT, LAYERS, WIDTH, HEADS, ROWS = 512, 256, 4, 256, 8, 8


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = torch.nn.LayerNorm(WIDTH)
        self.qkv = torch.nn.Linear(WIDTH, 3 * WIDTH)
        self.output = torch.nn.Linear(WIDTH, WIDTH)
        self.norm2 = torch.nn.LayerNorm(WIDTH)
        self.up = torch.nn.Linear(WIDTH, 4 * WIDTH)
        self.down = torch.nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        rows, time_, _ = x.shape
        q, k, v = self.qkv(self.norm1(x)).split(WIDTH, dim=2)
        heads = [t.view(rows, time_, HEADS, WIDTH // HEADS).transpose(1, 2) for t in (q, k, v)]
        mixed = F.scaled_dot_product_attention(*heads, is_causal=True)
        x = x + self.output(mixed.transpose(1, 2).reshape(rows, time_, WIDTH))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class GPT(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = torch.nn.Embedding(VOCABULARY, WIDTH)
        self.positions = torch.nn.Embedding(CONTEXT, WIDTH)
        self.blocks = torch.nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = torch.nn.LayerNorm(WIDTH)
        self.head = torch.nn.Linear(WIDTH, VOCABULARY, bias=False)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions.weight
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def main():
    torch.manual_seed(1)
    torch.set_num_threads(int(os.environ.get("FERRY_BENCH_THREADS", "2")))
    repeats = int(os.environ.get("FERRY_BENCH_REPEATS", "10"))
    model = GPT()
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    # fused: PyTorch's fastest AdamW on CPU.
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
        lr=1e-3, betas=(0.9, 0.95), eps=1e-8, fused=True)
    windows = torch.tensor([[(row * CONTEXT + i) * 7919 % VOCABULARY for i in range(CONTEXT + 1)] for row in range(ROWS)])
    tokens, targets = windows[:, :-1].contiguous(), windows[:, 1:].contiguous()
    milliseconds = []
    for index in range(repeats + 3):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(tokens).view(-1, VOCABULARY), targets.view(-1))
        loss.backward()
        optimizer.step()
        value = loss.item()
        if index >= 3:
            milliseconds.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({
        "bench": "gpt-step", "engine": "torch " + torch.__version__, "threads": torch.get_num_threads(), "loss": value,
        "millisecondsMin": min(milliseconds), "millisecondsMedian": statistics.median(milliseconds)}))


main()
