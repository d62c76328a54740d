#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Time one training step of a reference network in PyTorch, as the peer of the engine.

    torch_peer.py WORKLOAD [--threads N] [--layout nchw|nhwc] [--compile] [--steps N] [--batch B]

Prints one JSON line: workload, torch version, threads, layout, batch, parameters, and the
minimum and median seconds of one step (forward, backward, clip, SGD update).  Weights and
data are random: only the time counts.  Needs torch (Debian: python3-torch; PyPI: torch).

Workloads (all float32, 10 classes)
  darts     DARTS supernet, C=16, 8 cells, 4 nodes, 8 operations an edge, softmax-mixed, 32x32x3, batch 64
  resnet20  CIFAR ResNet-20, 32x32x3, batch 128
  nb201     NAS-Bench-201 network, C=16, N=5, a mixed cell, 32x32x3, batch 64
  mlp       784-256-256-10, batch 128
  conv4     5 SGD steps on a 4-block, 32-filter few-shot network, 28x28x1, 5 ways x 5 shots
"""
import argparse, json, statistics, time
import torch
import torch.nn as nn
import torch.nn.functional as F


class ReluConvBn(nn.Sequential):
    def __init__(self, cin, cout, k, stride, pad, affine=False):
        super().__init__(nn.ReLU(), nn.Conv2d(cin, cout, k, stride, pad, bias=False),
                         nn.BatchNorm2d(cout, affine=affine))


class DilConv(nn.Sequential):
    def __init__(self, c, k, stride, pad, dil):
        super().__init__(nn.ReLU(), nn.Conv2d(c, c, k, stride, pad, dil, groups=c, bias=False),
                         nn.Conv2d(c, c, 1, bias=False), nn.BatchNorm2d(c, affine=False))


class SepConv(nn.Sequential):
    def __init__(self, c, k, stride, pad):
        super().__init__(DilConv(c, k, stride, pad, 1), DilConv(c, k, 1, pad, 1))


class HalveMap(nn.Module):
    """Stride-2 1x1 convolutions on two shifted grids, concatenated, then batch norm."""
    def __init__(self, cin, cout):
        super().__init__()
        self.a = nn.Conv2d(cin, cout // 2, 1, 2, bias=False)
        self.b = nn.Conv2d(cin, cout // 2, 1, 2, bias=False)
        self.bn = nn.BatchNorm2d(cout, affine=False)

    def forward(self, x):
        x = F.relu(x)
        return self.bn(torch.cat([self.a(x), self.b(x[:, :, 1:, 1:])], 1))


class Zero(nn.Module):
    def __init__(self, stride):
        super().__init__()
        self.stride = stride

    def forward(self, x):
        return x[:, :, ::self.stride, ::self.stride] * 0.0


class Mixed(nn.Module):
    def __init__(self, c, stride):
        super().__init__()
        bn = lambda: nn.BatchNorm2d(c, affine=False)
        self.ops = nn.ModuleList([
            Zero(stride),
            nn.Sequential(nn.MaxPool2d(3, stride, 1), bn()),
            nn.Sequential(nn.AvgPool2d(3, stride, 1, count_include_pad=False), bn()),
            nn.Identity() if stride == 1 else HalveMap(c, c),
            SepConv(c, 3, stride, 1), SepConv(c, 5, stride, 2),
            DilConv(c, 3, stride, 2, 2), DilConv(c, 5, stride, 4, 2)])

    def forward(self, x, w):
        return sum(wi * op(x) for wi, op in zip(w, self.ops))


class MixCell(nn.Module):
    def __init__(self, cpp, cp, c, reduce, reduced_before):
        super().__init__()
        self.pre0 = HalveMap(cpp, c) if reduced_before else ReluConvBn(cpp, c, 1, 1, 0)
        self.pre1 = ReluConvBn(cp, c, 1, 1, 0)
        self.edges = nn.ModuleList(Mixed(c, 2 if reduce and j < 2 else 1)
                                   for i in range(4) for j in range(2 + i))

    def forward(self, s0, s1, w):
        states, e = [self.pre0(s0), self.pre1(s1)], 0
        for _ in range(4):
            states.append(sum(self.edges[e + j](h, w[e + j]) for j, h in enumerate(states)))
            e += len(states) - 1
        return torch.cat(states[2:], 1)


class Darts(nn.Module):
    def __init__(self, c=16, layers=8, classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 3 * c, 3, 1, 1, bias=False), nn.BatchNorm2d(3 * c))
        cpp = cp = 3 * c
        before, cells = False, []
        for i in range(layers):
            reduce = i in (layers // 3, 2 * layers // 3)
            c = 2 * c if reduce else c
            cells.append(MixCell(cpp, cp, c, reduce, before))
            cpp, cp, before = cp, 4 * c, reduce
        self.cells = nn.ModuleList(cells)
        self.reduces = [i in (layers // 3, 2 * layers // 3) for i in range(layers)]
        self.head = nn.Linear(cp, classes)
        self.alpha = [torch.zeros(14, 8, requires_grad=True) for _ in range(2)]

    def forward(self, x):
        s0 = s1 = self.stem(x)
        w = [F.softmax(a, -1) for a in self.alpha]
        for cell, reduce in zip(self.cells, self.reduces):
            s0, s1 = s1, cell(s0, s1, w[int(reduce)])
        return self.head(s1.mean((2, 3)))


class Basic(nn.Module):
    def __init__(self, cin, c, stride):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(cin, c, 3, stride, 1, bias=False), nn.BatchNorm2d(c), nn.ReLU())
        self.b = nn.Sequential(nn.Conv2d(c, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c))
        self.skip = nn.Identity() if stride == 1 and cin == c else nn.Sequential(
            nn.Conv2d(cin, c, 1, stride, bias=False), nn.BatchNorm2d(c))

    def forward(self, x):
        return F.relu(self.b(self.a(x)) + self.skip(x))


def resnet20():
    layers, cin = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for c, stride in ((16, 1), (32, 2), (64, 2)):
        for i in range(3):
            layers.append(Basic(cin, c, stride if i == 0 else 1))
            cin = c
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


class Nb201Cell(nn.Module):
    """|nor_conv_3x3~0|+|skip_connect~0|nor_conv_3x3~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_3x3~2|"""
    def __init__(self, c):
        super().__init__()
        c3 = lambda: ReluConvBn(c, c, 3, 1, 1, True)
        self.e = nn.ModuleList([c3(), nn.Identity(), c3(), ReluConvBn(c, c, 1, 1, 0, True),
                                nn.AvgPool2d(3, 1, 1, count_include_pad=False), c3()])

    def forward(self, x):
        n1 = self.e[0](x)
        n2 = self.e[1](x) + self.e[2](n1)
        return self.e[3](x) + self.e[4](n1) + self.e[5](n2)


class Nb201Reduce(nn.Module):
    def __init__(self, cin, c):
        super().__init__()
        self.a, self.b = ReluConvBn(cin, c, 3, 2, 1, True), ReluConvBn(c, c, 3, 1, 1, True)
        self.skip = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(cin, c, 1, bias=False))

    def forward(self, x):
        return self.b(self.a(x)) + self.skip(x)


def nb201(c=16, n=5):
    layers = [nn.Conv2d(3, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c)]
    for stage in range(3):
        if stage:
            layers.append(Nb201Reduce(c, 2 * c))
            c *= 2
        layers += [Nb201Cell(c) for _ in range(n)]
    return nn.Sequential(*layers, nn.BatchNorm2d(c), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 10))


def conv4(filters=32):
    layers, cin = [], 1
    for _ in range(4):
        layers += [nn.Conv2d(cin, filters, 3, 1, 1), nn.BatchNorm2d(filters), nn.ReLU(), nn.MaxPool2d(2)]
        cin = filters
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(filters, 5))


WORK = {  # model, input shape, batch, classes, optimiser steps in one timed step
    "darts": (Darts, (3, 32, 32), 64, 10, 1),
    "resnet20": (resnet20, (3, 32, 32), 128, 10, 1),
    "nb201": (nb201, (3, 32, 32), 64, 10, 1),
    "mlp": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(),
                                  nn.Linear(256, 10)), (1, 28, 28), 128, 10, 1),
    "conv4": (conv4, (1, 28, 28), 25, 5, 5),
}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("workload", choices=WORK)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--layout", choices=("nchw", "nhwc"), default="nhwc")
    p.add_argument("--compile", action="store_true", help="torch.compile (torch 2 and later)")
    p.add_argument("--steps", type=int, default=6)
    p.add_argument("--batch", type=int)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    make, shape, batch, classes, inner = WORK[a.workload]
    batch = a.batch or batch
    net = make()
    x, y = torch.randn(batch, *shape), torch.randint(0, classes, (batch,))
    if a.layout == "nhwc":
        net = net.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    run = torch.compile(net) if a.compile else net
    opt = torch.optim.SGD(net.parameters(), 0.025, momentum=0.9, weight_decay=3e-4)
    times = []
    for _ in range(a.steps + 2):  # the first two warm up
        start = time.perf_counter()
        for _ in range(inner):
            opt.zero_grad()
            F.cross_entropy(run(x), y).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            opt.step()
        times.append(time.perf_counter() - start)
    times = times[2:]
    print(json.dumps({"workload": a.workload, "torch": torch.__version__, "compile": a.compile, "threads": a.threads,
                      "layout": a.layout, "batch": batch, "params": sum(q.numel() for q in net.parameters()),
                      "min_s": round(min(times), 6), "median_s": round(statistics.median(times), 6)}))


if __name__ == "__main__":
    main()
