# SPDX-License-Identifier: Apache-2.0
"""Writes Tests/Golden/Learning/*.json: values and gradients from PyTorch in float64.

    python Tools/golden/learning.py        (needs PyTorch)

Inputs are multiples of 1/64, so that float32 holds them exactly. The scalar whose gradient is taken
is the sum of output times cotangent.
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F

SEED = 20240611
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Tests/Golden/Learning"
torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(SEED)


def draw(*shape, scale=1.0):
    return torch.round(torch.randn(shape, generator=generator) * scale * 64) / 64


def plain(tensor):
    values = [float(f"{v:.9g}") for v in tensor.detach().reshape(-1).tolist()]
    return {"shape": list(tensor.shape), "values": values}


def write(name, content):
    FOLDER.mkdir(parents=True, exist_ok=True)
    head = {"writer": "Tools/golden/learning.py", "torch": torch.__version__.split("+")[0], "seed": SEED}
    (FOLDER / f"{name}.json").write_text(json.dumps(head | content, separators=(",", ":")) + "\n")


def case(name, function, integers=None, **inputs):
    """One function of named inputs, its value and the gradient by each of them."""
    leaves = {key: value.clone().requires_grad_() for key, value in inputs.items()}
    output = function(**leaves)
    cotangent = draw(*output.shape)
    gradients = torch.autograd.grad((output * cotangent).sum(), list(leaves.values()))
    return {
        "name": name,
        "inputs": {key: plain(value) for key, value in inputs.items()},
        "integers": {k: {"shape": list(v.shape), "values": v.reshape(-1).tolist()} for k, v in (integers or {}).items()},
        "output": plain(output), "cotangent": plain(cotangent),
        "gradients": {key: plain(value) for key, value in zip(leaves, gradients)},
    }


def attention(qkv, heads):
    rows, time, packed = qkv.shape
    width = packed // 3
    parts = [p.reshape(rows, time, heads, width // heads).transpose(1, 2) for p in qkv.split(width, dim=2)]
    return F.scaled_dot_product_attention(*parts, is_causal=True).transpose(1, 2).reshape(rows, time, width)


def conv(x, weight, bias, stride, padding):
    """Channels last, as Ferry keeps them."""
    y = F.conv2d(x.permute(0, 3, 1, 2), weight.permute(0, 3, 1, 2), bias, stride=stride, padding=padding)
    return y.permute(0, 2, 3, 1)


def pool(function, x, window, stride):
    return function(x.permute(0, 3, 1, 2), window, stride).permute(0, 2, 3, 1)


def causal_softmax(x):
    n = x.shape[-1]
    mask = torch.ones(n, n, dtype=torch.bool).tril()
    return (x * 0.5).masked_fill(~mask, -math.inf).softmax(-1)


def elementary():
    positive = lambda *shape: draw(*shape).abs() + 0.5
    return [
        case("add", lambda a, b: a + b, a=draw(3, 1, 5), b=draw(4, 5)),
        case("subtract", lambda a, b: a - b, a=draw(3, 5), b=draw(5)),
        case("multiply", lambda a, b: a * b, a=draw(3, 5), b=draw(3, 1)),
        case("divide", lambda a, b: a / b, a=draw(3, 5), b=positive(5)),
        case("maximum", lambda a, b: torch.maximum(a, b), a=draw(3, 5), b=draw(3, 5) + 1 / 128),
        case("minimum", lambda a, b: torch.minimum(a, b), a=draw(3, 5), b=draw(3, 5) + 1 / 128),
        case("negate", lambda a: -a, a=draw(7)),
        case("exp", lambda a: a.exp(), a=draw(7)),
        case("log", lambda a: a.log(), a=positive(7)),
        case("tanh", lambda a: a.tanh(), a=draw(7)),
        case("square-root", lambda a: a.sqrt(), a=positive(7)),
        case("inverse-square-root", lambda a: a.rsqrt(), a=positive(7)),
        case("magnitude", lambda a: a.abs(), a=draw(7) + 1 / 128),
        case("square", lambda a: a.square(), a=draw(7)),
        case("sigmoid", lambda a: a.sigmoid(), a=draw(7)),
        case("matmul", lambda a, b: a @ b, a=draw(2, 3, 4), b=draw(2, 4, 5)),
        case("matmul-one-matrix", lambda a, b: a @ b, a=draw(2, 3, 4), b=draw(4, 5)),
        case("sum", lambda a: a.sum((0, 2)), a=draw(2, 3, 4)),
        case("mean", lambda a: a.mean(1, keepdim=True), a=draw(2, 3, 4)),
        case("max", lambda a: a.amax(-1), a=draw(2, 3, 9) + torch.arange(9) / 1024),
        case("log-sum-exp", lambda a: a.logsumexp(-1), a=draw(2, 3, 4)),
        case("reshape", lambda a: a.reshape(6, 4), a=draw(2, 3, 4)),
        case("transpose", lambda a: a.permute(2, 0, 1), a=draw(2, 3, 4)),
        case("slice", lambda a: a[:, 1:3], a=draw(2, 4, 3)),
        case("concatenate", lambda a, b: torch.cat([a, b], 1), a=draw(2, 2), b=draw(2, 3)),
        case("choose", lambda a, b: torch.where(a > b, a * 2, b), a=draw(3, 5), b=draw(3, 5) + 1 / 128),
    ]


def fused():
    rows = torch.randint(0, 9, (2, 7), generator=generator, dtype=torch.int32)
    classes = torch.randint(0, 13, (2, 5), generator=generator, dtype=torch.int32)
    return [
        case("gelu", lambda x: F.gelu(x, approximate="tanh"), x=draw(5, 11, scale=2)),
        case("softmax", lambda x: (x * 0.5).softmax(-1), x=draw(4, 13, scale=3)),
        case("softmax-causal", causal_softmax, x=draw(2, 11, 11, scale=2)),
        case("layer-norm", lambda x, weight, bias: F.layer_norm(x, (21,), weight, bias, 1e-5),
             x=draw(2, 5, 21), weight=draw(21), bias=draw(21)),
        case("rms-norm", lambda x, weight: F.rms_norm(x, (21,), weight, 1e-5), x=draw(2, 5, 21), weight=draw(21)),
        case("linear", lambda x, weight, bias: x @ weight + bias, x=draw(2, 5, 12), weight=draw(12, 19), bias=draw(19)),
        case("linear-unbiased", lambda x, weight: x @ weight, x=draw(4, 12), weight=draw(12, 3)),
        # 70 places: more than two blocks of queries, the last one not full.
        case("attention", lambda qkv: attention(qkv, 2), qkv=draw(1, 70, 24)),
        case("attention-short", lambda qkv: attention(qkv, 3), qkv=draw(2, 5, 27)),
        case("embedding", lambda table: table[rows.long()], integers={"indices": rows}, table=draw(9, 10)),
        case("positions", lambda x, table: x + table[:5], x=draw(3, 5, 10), table=draw(7, 10)),
        case("convolution", lambda x, weight, bias: conv(x, weight, bias, 1, 1),
             x=draw(5, 6, 5, 3), weight=draw(4, 3, 3, 3), bias=draw(4)),
        case("convolution-strided", lambda x, weight, bias: conv(x, weight, bias, 2, 2),
             x=draw(2, 7, 6, 2), weight=draw(3, 3, 5, 2), bias=draw(3)),
        case("max-pool", lambda x: pool(F.max_pool2d, x, 2, 2), x=draw(2, 6, 5, 3)),
        case("max-pool-overlapping", lambda x: pool(F.max_pool2d, x, 3, 2), x=draw(1, 7, 7, 2)),
        case("mean-pool", lambda x: pool(F.avg_pool2d, x, 3, 2), x=draw(2, 7, 6, 3)),
        case("cross-entropy", lambda logits: F.cross_entropy(logits.reshape(-1, 13), classes.long().reshape(-1)),
             integers={"classes": classes}, logits=draw(2, 5, 13, scale=2)),
    ]


def gpt():
    vocabulary, context, layers, width, heads = 11, 9, 2, 8, 2
    parameters = {"tokens.weight": draw(vocabulary, width), "positions.weight": draw(context, width)}
    for i in range(layers):
        parameters |= {
            f"blocks.{i}.norm1.weight": draw(width, scale=0.2) + 1, f"blocks.{i}.norm1.bias": draw(width, scale=0.2),
            f"blocks.{i}.attention.qkv.weight": draw(width, 3 * width, scale=0.5),
            f"blocks.{i}.attention.qkv.bias": draw(3 * width, scale=0.2),
            f"blocks.{i}.attention.output.weight": draw(width, width, scale=0.5),
            f"blocks.{i}.attention.output.bias": draw(width, scale=0.2),
            f"blocks.{i}.norm2.weight": draw(width, scale=0.2) + 1, f"blocks.{i}.norm2.bias": draw(width, scale=0.2),
            f"blocks.{i}.mlp.up.weight": draw(width, 4 * width, scale=0.5), f"blocks.{i}.mlp.up.bias": draw(4 * width, scale=0.2),
            f"blocks.{i}.mlp.down.weight": draw(4 * width, width, scale=0.5), f"blocks.{i}.mlp.down.bias": draw(width, scale=0.2),
        }
    parameters |= {"norm.weight": draw(width, scale=0.2) + 1, "norm.bias": draw(width, scale=0.2),
                   "head.weight": draw(width, vocabulary, scale=0.5)}
    windows = torch.randint(0, vocabulary, (3, context + 1), generator=generator)
    p = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    x = p["tokens.weight"][windows[:, :-1]] + p["positions.weight"]
    norm = lambda x, name: F.layer_norm(x, (width,), p[name + ".weight"], p[name + ".bias"], 1e-5)
    linear = lambda x, name: x @ p[name + ".weight"] + p[name + ".bias"]
    for i in range(layers):
        b = f"blocks.{i}."
        x = x + linear(attention(linear(norm(x, b + "norm1"), b + "attention.qkv"), heads), b + "attention.output")
        x = x + linear(F.gelu(linear(norm(x, b + "norm2"), b + "mlp.up"), approximate="tanh"), b + "mlp.down")
    logits = norm(x, "norm") @ p["head.weight"]
    loss = F.cross_entropy(logits.reshape(-1, vocabulary), windows[:, 1:].reshape(-1))
    gradients = torch.autograd.grad(loss, list(p.values()))
    return {
        "configuration": {"vocabulary": vocabulary, "context": context, "layers": layers, "width": width, "heads": heads},
        "windows": windows.tolist(), "loss": loss.item(),
        "parameters": [{"name": name} | plain(value) for name, value in parameters.items()],
        "gradients": [plain(g) for g in gradients],
    }


def optimizers():
    start = [draw(3, 5), draw(7)]
    steps = [[draw(3, 5), draw(7)] for _ in range(6)]
    rates = [1 / 8, 1 / 8, 1 / 16, 1 / 16, 1 / 32, 1 / 32]
    result = {"start": [plain(p) for p in start], "gradients": [[plain(g) for g in s] for s in steps], "rates": rates}

    def run(name, make):
        parameters = [torch.nn.Parameter(p.clone()) for p in start]
        optimizer = make(parameters)
        for gradients, rate in zip(steps, rates):
            for group in optimizer.param_groups:
                group["lr"] = rate
            for parameter, gradient in zip(parameters, gradients):
                parameter.grad = gradient.clone()
            optimizer.step()
        result[name] = [plain(p) for p in parameters]

    # Decay is for matrices alone.
    run("adamw", lambda p: torch.optim.AdamW(
        [{"params": p[:1], "weight_decay": 0.25}, {"params": p[1:], "weight_decay": 0.0}], betas=(0.75, 0.9375), eps=1 / 1024))
    run("sgd", lambda p: torch.optim.SGD(p, lr=1))
    run("momentum", lambda p: torch.optim.SGD(p, lr=1, momentum=0.875, weight_decay=0.125))
    run("nesterov", lambda p: torch.optim.SGD(p, lr=1, momentum=0.875, nesterov=True))
    parameters = [torch.nn.Parameter(p.clone()) for p in start]
    for parameter, gradient in zip(parameters, steps[0]):
        parameter.grad = gradient.clone()
    result["norm"] = float(torch.nn.utils.clip_grad_norm_(parameters, 1.5))
    result["clipped"] = [plain(p.grad) for p in parameters]
    return result


write("elementary", {"cases": elementary()})
write("fused", {"cases": fused()})
write("gpt", gpt())
write("optimizers", optimizers())
