#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The gradients of a whole super-network, weights and gates, against PyTorch in float64.

Usage: torch-darts.py DUMP-GRADIENTS. Prints TAP; skips where no Python here has torch.

The network is written down once more here, after Liu, Simonyan & Yang 2019 (section 2 and appendix A),
on weights found by the names that Lode gives them.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

SYSTEM = "/usr/bin/python3"  # has the distribution's torch where another Python comes first

try:
    import numpy
    import torch
    import torch.nn.functional as F
except ImportError:
    if os.path.exists(SYSTEM) and "LODE_TORCH_TRIED" not in os.environ:
        os.environ["LODE_TORCH_TRIED"] = "1"
        os.execv(SYSTEM, [SYSTEM, *sys.argv])
    print("1..0 # SKIP no Python here has torch; install python3-torch")
    sys.exit(0)

SEEDS = (1, 2, 3)
CELLS, NODES = 4, 4
OPS = ("none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5")
EDGES = NODES * (NODES + 3) // 2
TOLERANCE = 1e-3


def read(folder):
    """The arrays of a dump: {kind: {name: float64 array}}."""
    values = numpy.fromfile(folder / "arrays.bin", dtype=numpy.float32).astype(numpy.float64)
    arrays, at = {}, 0
    for line in (folder / "arrays.txt").read_text().splitlines():
        kind, name, *sides = line.split()
        sides = [int(side) for side in sides]
        size = int(numpy.prod(sides))
        arrays.setdefault(kind, {})[name] = values[at : at + size].reshape(sides)
        at += size
    assert at == len(values), "arrays.bin is longer than arrays.txt says"
    return arrays


class Network:
    """The super-network on given weights and gates; images are [n][c][h][w]."""

    def __init__(self, weights, gates):
        self.weight = {name: torch.tensor(value, requires_grad=True) for name, value in weights.items()}
        self.gate = torch.tensor(gates, requires_grad=True)

    def norm(self, x, name=None):
        scale, shift = (self.weight[name + leaf].reshape(-1) for leaf in (".weight", ".bias")) if name else (None, None)
        return F.batch_norm(x, None, None, scale, shift, training=True, eps=1e-5)

    def conv(self, x, name, **how):
        """Weights lie as [k][k][in][out]; a depthwise one has one input a channel."""
        return F.conv2d(x, self.weight[name + ".weight"].permute(3, 2, 0, 1), **how)

    def reduce(self, x, name):
        """Half the pixels, from two grids that are one pixel apart."""
        x = F.relu(x)
        halves = (self.conv(x, name + "conv_0", stride=2), self.conv(x[:, :, 1:, 1:], name + "conv_1", stride=2))
        return self.norm(torch.cat(halves, 1))

    def separable(self, x, name, kernel, stride, dilation):
        how = {"stride": stride, "dilation": dilation, "padding": dilation * (kernel - 1) // 2, "groups": x.shape[1]}
        x = self.conv(F.relu(x), name + "depth", **how)
        return self.norm(self.conv(x, name + "point"))

    def option(self, x, op, name, stride):
        name = f"{name}{op}."
        if op == "max_pool_3x3":
            return self.norm(F.max_pool2d(x, 3, stride, 1))
        if op == "avg_pool_3x3":
            return self.norm(F.avg_pool2d(x, 3, stride, 1, count_include_pad=False))
        if op == "skip_connect":
            return x if stride == 1 else self.reduce(x, name)
        kernel = int(op[-1])
        if op.startswith("dil"):
            return self.separable(x, name + "0.", kernel, stride, 2)
        return self.separable(self.separable(x, name + "0.", kernel, stride, 1), name + "1.", kernel, 1, 1)

    def edge(self, x, name, stride, gate):
        return sum(gate[o] * self.option(x, op, name, stride) for o, op in enumerate(OPS) if op != "none")

    def cell(self, number, before_last, last, reduction, after_reduction):
        name = f"backbone.cell.{number}."
        if after_reduction:
            first = self.reduce(before_last, name + "pre0.")
        else:
            first = self.norm(self.conv(F.relu(before_last), name + "pre0.conv"))
        state = [first, self.norm(self.conv(F.relu(last), name + "pre1.conv"))]
        gate = self.gate.reshape(2, EDGES, len(OPS))[int(reduction)]
        edge = 0
        for node in range(2, NODES + 2):
            parts = []
            for source in range(node):
                stride = 2 if reduction and source < 2 else 1
                parts.append(self.edge(state[source], f"{name}{node}.{source}.", stride, gate[edge]))
                edge += 1
            state.append(sum(parts))
        return torch.cat(state[2:], 1)

    def logits(self, image):
        x = self.norm(self.conv(image, "backbone.stem.conv", padding=1), "backbone.stem.norm")
        before_last = last = x
        after_reduction = False
        for number in range(CELLS):
            reduction = number in (CELLS // 3, 2 * CELLS // 3)
            before_last, last = last, self.cell(number, before_last, last, reduction, after_reduction)
            after_reduction = reduction
        features = last.mean((2, 3))
        weight = self.weight["head.weight"]
        return features @ weight.reshape(-1, weight.shape[-1]) + self.weight["head.bias"].reshape(-1)


def error(found, expected):
    """Relative, in the Euclidean norm; absolute where nothing is expected."""
    size = numpy.linalg.norm(expected)
    return numpy.linalg.norm(found - expected) / (size if size > 1e-12 else 1)


def compare(arrays):
    """Errors by name: logits, loss, gates and every weight's gradient."""
    batch, out = arrays["batch"], arrays["out"]
    network = Network(arrays["weight"], batch["gate"])
    logits = network.logits(torch.tensor(batch["image"]).permute(0, 3, 1, 2))
    loss = F.cross_entropy(logits, torch.tensor(batch["label"]).long())
    loss.backward()
    errors = {
        "logits": error(out["logit"], logits.detach().numpy()),
        "loss": error(out["loss"], numpy.array([loss.item()])),
        "gates": error(out["gate"], network.gate.grad.numpy()),
    }
    for name, weight in network.weight.items():
        assert weight.grad is not None, f"{name} plays no part in the network of this script"
        errors[name] = error(arrays["grad"][name], weight.grad.numpy())
    return errors


def main(dump):
    print(f"1..{len(SEEDS)}")
    failed = 0
    for number, seed in enumerate(SEEDS, 1):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([dump, folder, str(seed)], check=True, stdout=subprocess.DEVNULL)
            errors = compare(read(pathlib.Path(folder)))
        worst = max(errors, key=errors.get)
        ok = errors[worst] <= TOLERANCE
        failed += not ok
        for name, size in sorted(errors.items(), key=lambda item: -item[1])[:5]:
            print(f"# seed {seed}: {name} {size:.2e}")
        print(f"# seed {seed}: {len(errors)} arrays, logits {errors['logits']:.2e}, loss {errors['loss']:.2e}, gates {errors['gates']:.2e}")
        print(f"{'ok' if ok else 'not ok'} {number} - seed {seed}: worst {worst}, relative error {errors[worst]:.1e}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
