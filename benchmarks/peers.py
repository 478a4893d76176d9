"""Two PyTorch GANs for few images, written from their papers: peers for picture quality, on the same cores.

    python benchmarks/peers.py fastgan --images images.npy --seconds 60,120 --out results/fastgan

`dcgan`: the networks of Radford et al. 2016 (arXiv:1511.06434), with DiffAugment (Zhao et al. 2020, arXiv:2006.10738).
`fastgan`: Liu et al. 2021 (arXiv:2101.04775) without noise injection; its decoders learn by the mean absolute error,
where the paper has a distance of pretrained features. Both are narrower than in the papers, for a few cores. Trains on
square uint8 images [n, h, h, c]. After each number of seconds, without those of drawing, or of steps, it writes --num
images of the averaged generator to OUT/drawn-<number>.npy, and a sheet of 64 beside it. OUT/peer.json says what was
done. Needs torch, numpy and pillow alone. With --steps, the same command gives the same bits on one machine.
"""

import argparse
import copy
import json
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate, l1_loss, pad, relu
from torch.nn.utils.parametrizations import spectral_norm

NOISE, AVERAGE, SHEET = 128, 0.999, 8


def sizes(image):
    """The sides from the image to the innermost map, which is 4, or odd: 28, 14, 7."""
    return [image, *(sizes(image // 2) if image > 4 and image % 2 == 0 else [])]


def dcgan(size, channels, width):
    """(G, D): 4x4 convolutions at stride 2 with batch norm, as many channels more as pixels are fewer."""
    *between, base = sizes(size)
    widths = [width * 2**level for level in range(len(between))]  # from the image inwards
    g = [nn.ConvTranspose2d(NOISE, widths[-1], base, bias=False), nn.BatchNorm2d(widths[-1]), nn.ReLU()]
    d = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
    for outer, inner in pairwise(widths):
        d += [nn.Conv2d(outer, inner, 4, 2, 1, bias=False), nn.BatchNorm2d(inner), nn.LeakyReLU(0.2)]
    for outer, inner in reversed([*pairwise(widths)]):
        g += [nn.ConvTranspose2d(inner, outer, 4, 2, 1, bias=False), nn.BatchNorm2d(outer), nn.ReLU()]
    g += [nn.ConvTranspose2d(width, channels, 4, 2, 1), nn.Tanh()]
    return nn.Sequential(*g), nn.Sequential(*d, nn.Conv2d(widths[-1], 1, base), nn.Flatten(0))


def doubled(inner, outer):
    """Twice the size by nearest neighbors, a 3x3 convolution, batch norm and a gated linear unit."""
    convolution = nn.Conv2d(inner, 2 * outer, 3, 1, 1, bias=False)
    return nn.Sequential(nn.Upsample(scale_factor=2), convolution, nn.BatchNorm2d(2 * outer), nn.GLU(1))


def normal(inner, outer, *shape):
    """A convolution with spectral norm, batch norm and leaky ReLU, of the discriminator."""
    convolution = spectral_norm(nn.Conv2d(inner, outer, *shape, bias=False))
    return nn.Sequential(convolution, nn.BatchNorm2d(outer), nn.LeakyReLU(0.2))


class FastG(nn.Module):
    """Doubles a map until it is the image; a small map excites the channels of that with 16 times its side."""

    def __init__(self, size, channels, width):
        super().__init__()
        sides = sizes(size)[::-1]
        widths = [width * min(8, 2**level) for level in reversed(range(len(sides)))]
        base = nn.ConvTranspose2d(NOISE, 2 * widths[0], sides[0], bias=False)
        self.base = nn.Sequential(base, nn.BatchNorm2d(2 * widths[0]), nn.GLU(1))
        self.blocks = nn.ModuleList(doubled(*pair) for pair in pairwise(widths))
        self.reach = min(4, len(self.blocks))  # doublings between the two maps
        self.excite = nn.ModuleList(  # arXiv:2101.04775, eq. 1 and 2
            nn.Sequential(
                *(nn.AdaptiveAvgPool2d(4), nn.Conv2d(inner, outer, 4), nn.LeakyReLU(0.1)),
                *(nn.Conv2d(outer, outer, 1), nn.Sigmoid()),
            )
            for inner, outer in zip(widths, widths[self.reach :], strict=False)
        )
        self.image = nn.Sequential(nn.Conv2d(width, channels, 3, 1, 1), nn.Tanh())

    def forward(self, noise):
        maps = [self.base(noise)]
        for level, block in enumerate(self.blocks, 1 - self.reach):
            maps.append(block(maps[-1]))
            if level >= 0:
                maps[-1] = maps[-1] * self.excite[level](maps[level])
        return self.image(maps[-1])


class FastD(nn.Module):
    """Halves the image to a map of at most 8, by two ways at once; two decoders draw the real image from its maps."""

    def __init__(self, size, channels, width):
        super().__init__()
        sides = [side for side in sizes(size) if side > 6]
        widths = [width * min(8, 2**level) for level in range(len(sides) - 1)]
        stem = nn.Sequential(spectral_norm(nn.Conv2d(channels, width, 4, 2, 1, bias=False)), nn.LeakyReLU(0.2))
        self.stem, self.halved = stem, nn.ModuleList()
        for a, b in pairwise(widths):
            main, aside = [normal(a, b, 4, 2, 1), normal(b, b, 3, 1, 1)], [nn.AvgPool2d(2), normal(a, b, 1)]
            self.halved.append(nn.ModuleList([nn.Sequential(*main), nn.Sequential(*aside)]))
        self.logits = nn.Sequential(normal(widths[-1], widths[-1], 1), spectral_norm(nn.Conv2d(widths[-1], 1, 4)))
        ends = [nn.Conv2d(width, channels, 3, 1, 1), nn.Tanh()]
        decoders = [[doubled(inner, 2 * width), doubled(2 * width, width), *ends] for inner in widths[-2:]]
        self.of_part, self.of_all = (nn.Sequential(*copy.deepcopy(each)) for each in decoders)

    def maps(self, x):
        maps = [self.stem(x)]
        for main, aside in self.halved:
            maps.append((main(maps[-1]) + aside(maps[-1])) / 2)
        return maps

    def forward(self, x):
        return self.logits(self.maps(x)[-1])

    def real(self, x):
        """(logits, the error of the decoders: of the whole image, and of a random quarter of it)."""
        *_, part, last = self.maps(x)
        error, (row, column) = 0, torch.randint(2, [2]).tolist()
        for drawn, target in (
            (self.of_all(last), x),
            (self.of_part(quarter(part, row, column)), quarter(x, row, column)),
        ):
            error = error + l1_loss(drawn, interpolate(target, drawn.shape[2:], mode="bilinear", antialias=True))
        return self.logits(last), error


def quarter(x, row, column):
    return x.chunk(2, 2)[row].chunk(2, 3)[column]


def augment(x, kinds):
    """Images in [-1, 1] with DiffAugment's changes: arXiv:2006.10738, sec. 3.2."""
    count, _, side, _ = x.shape
    if "colour" in kinds:
        brightness, saturation, contrast = torch.rand(3, count, 1, 1, 1)
        x = x + brightness - 0.5
        gray = x.mean(1, keepdim=True)
        x = gray + (x - gray) * 2 * saturation
        mean = x.mean((1, 2, 3), keepdim=True)
        x = mean + (x - mean) * (contrast + 0.5)
    places = torch.arange(side).expand(2, count, side)  # of the rows and of the columns
    if "translate" in kinds:
        moved = places + torch.randint(-(side // 8), side // 8 + 1, [2, count, 1]) + 1
        rows, columns = moved.clamp(0, side + 1)
        every = torch.arange(count)[:, None, None]
        x = pad(x, [1, 1, 1, 1])[every, :, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)
    if "cutout" in kinds:
        first = torch.randint(side + 1, [2, count, 1]) - side // 4
        rows, columns = (places >= first) & (places < first + side // 2)
        x = x * ~(rows[:, None, :, None] & columns[:, None, None])
    return x


def cross_entropy(logits, label):
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def hinge(d, real, fake):
    logits, error = d.real(real)
    return relu(1 - logits).mean() + relu(1 + d(fake)).mean() + error


class Peer(NamedTuple):
    """The networks of a paper, its losses, and the numbers that suit a few cores."""

    networks: Callable  # (size, channels, width) -> (generator, discriminator)
    d_loss: Callable  # (discriminator, real, fake) -> loss
    g_loss: Callable  # logits of generated images -> loss
    width: int  # channels at the image, of less than 64 pixels twice as many; and more, the smaller a map is
    batch: int


PEERS = {
    "dcgan": Peer(
        dcgan,
        lambda d, real, fake: cross_entropy(d(real), 1.0) + cross_entropy(d(fake), 0.0),
        lambda logits: cross_entropy(logits, 1.0),
        *(16, 32),
    ),
    "fastgan": Peer(lambda *shape: (FastG(*shape), FastD(*shape)), hinge, lambda logits: -logits.mean(), *(8, 16)),
}


def train(given):
    torch.manual_seed(given.seed)
    peer, images = PEERS[given.peer], torch.from_numpy(np.load(given.images)).permute(0, 3, 1, 2)
    _, channels, side, _ = images.shape
    networks = peer.networks(side, channels, peer.width * (1 if side >= 64 else 2))
    g, d = (each.apply(begin).to(memory_format=torch.channels_last) for each in networks)
    average, fixed = copy.deepcopy(g).eval(), torch.Generator().manual_seed(given.seed)
    pairs = [pair for pair in zip(state(average), state(g), strict=True) if pair[0].is_floating_point()]
    noise = torch.randn(given.num, NOISE, 1, 1, generator=fixed)  # of the images that are drawn
    adams = [torch.optim.Adam(each.parameters(), 2e-4, (0.5, 0.999), fused=True) for each in (g, d)]
    done, step, start, kinds = [], 0, time.monotonic(), given.augment.split(",")
    for most in given.seconds or given.steps:
        while (time.monotonic() - start if given.seconds else step) < most:
            real = images[torch.randint(len(images), [peer.batch])] / 127.5 - 1
            fake = g(torch.randn(peer.batch, NOISE, 1, 1))
            d_loss = peer.d_loss(d, augment(real, kinds), augment(fake.detach(), kinds))
            update(adams[1], d_loss, d)
            update(adams[0], peer.g_loss(d(augment(fake, kinds))), g)
            step += 1
            for mean, now in pairs:
                mean.lerp_(now, 1 - min(AVERAGE, (1 + step) / (10 + step)))
        stopped = time.monotonic()
        with torch.no_grad():
            drawn = torch.cat([average(part) for part in noise.split(100)]).permute(0, 2, 3, 1)
        write(given.out, most, ((drawn + 1) * 127.5).round().to(torch.uint8).numpy())
        done.append({"number": most, "step": step, "seconds": stopped - start, "d_loss": d_loss.item()})
        start += time.monotonic() - stopped
    parameters = [sum(each.numel() for each in network.parameters()) for network in (g, d)]
    about = {"torch": torch.__version__, "threads": torch.get_num_threads(), "parameters": parameters, "drawn": done}
    (given.out / "peer.json").write_text(json.dumps(about, indent=1))


def begin(module):
    """Sets the kernels of convolutions to normal numbers of deviation 0.02: arXiv:1511.06434, sec. 4."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0, 0.02)


def state(network):
    return network.state_dict().values()


def update(adam, loss, network):
    adam.zero_grad()
    loss.backward(inputs=list(network.parameters()))
    adam.step()


def write(out, number, drawn):
    np.save(out / f"drawn-{number}.npy", drawn)
    _, height, width, channels = drawn.shape
    grid = drawn[: SHEET**2].reshape(SHEET, SHEET, height, width, channels).transpose(0, 2, 1, 3, 4)
    Image.fromarray(grid.reshape(SHEET * height, SHEET * width, channels).squeeze()).save(out / f"drawn-{number}.png")


def numbers(text):
    return sorted(map(int, text.split(",")))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--images", type=Path, required=True, help="uint8 [n, h, h, c], .npy")
    parser.add_argument("--out", type=Path, required=True)
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--seconds", type=numbers, help="of training, after which to draw: 30,60,120")
    length.add_argument("--steps", type=numbers, help="the same in steps")
    parser.add_argument("--augment", default="translate,cutout,colour", help="or none")
    parser.add_argument("--num", type=int, default=10_000, help="images to draw, at least 64")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    train(given)
