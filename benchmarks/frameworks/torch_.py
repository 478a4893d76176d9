"""PyTorch, eager or compiled: data in memory as tensors, channels last, fused Adam, G's forward pass shared."""

import os

import numpy as np
import torch
import torch._dynamo
from torch import nn
from torch.nn import functional

from frameworks.systems import Trainer, batch_sizes, scaled, system, walk


class Reshape(nn.Module):
    """Reshapes to [batch, h, w, c] in channels last format, or from that to flat, without a copy."""

    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        if len(self.shape) == 1:
            return (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).reshape(-1, *self.shape)
        return x.view(-1, *self.shape).permute(0, 3, 1, 2)


LAYERS = {  # from the input shape of a layer, [height, width, channels] or [features], and its numbers
    "dense": lambda shape, units: nn.Linear(shape[0], units),
    # Pads 5x5 kernels by 2 on both sides, where TensorFlow pads by 1 and 2: shifted by a pixel, and as much to compute.
    "conv": lambda shape, filters, size, stride: nn.Conv2d(shape[2], filters, size, stride, (size - 1) // 2),
    "transposed": lambda shape, filters, size, stride: nn.ConvTranspose2d(
        shape[2], filters, size, stride, (size - 1) // 2, stride + 2 * ((size - 1) // 2) - size
    ),
    "space_to_depth": lambda shape, size: nn.PixelUnshuffle(size),
    "depth_to_space": lambda shape, size: nn.PixelShuffle(size),
    "norm": lambda shape: (nn.BatchNorm1d if len(shape) == 1 else nn.BatchNorm2d)(shape[-1], eps=0.001, momentum=0.01),
    "dropout": lambda shape, rate: nn.Dropout(rate),
    "relu": lambda shape: nn.ReLU(),
    "leaky_relu": lambda shape, slope: nn.LeakyReLU(slope),
    "tanh": lambda shape: nn.Tanh(),
    "sigmoid": lambda shape: nn.Sigmoid(),
    "upsample": lambda shape: nn.Upsample(scale_factor=2),
    "pool": lambda shape: nn.MaxPool2d(3, 2),
    "flatten": lambda shape: Reshape(shape[0] * shape[1] * shape[2]),
    "reshape": lambda shape, *new: Reshape(*new),
}


class NetworkOptimizer:
    """A network, its optimizer and its learning rate."""

    def __init__(self, layers, shape, config, rate, decay, compiled):
        self.network = nn.Sequential(
            *(LAYERS[kind](before, *numbers) for kind, numbers, before, _ in walk(layers, shape))
        )
        for module in self.network:
            if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        if any(isinstance(module, nn.Conv2d) for module in self.network):
            self.network.to(memory_format=torch.channels_last)
        self.weights, self.rate, self.decay, self.updates = list(self.network.parameters()), rate, decay, 0
        self.optimizer = _optimizer(config, self.weights, rate)
        # Compiles for each batch size, because code for dynamic sizes is slower.
        self.apply = torch.compile(self.network, dynamic=False) if compiled else self.network
        self.average, self.decay_of_average = None, 0.0

    def keep_average(self, decay):
        """Keeps a moving average of the weights and of batch norm's averages from now on."""
        self.averaged = [*self.weights, *(each for each in self.network.buffers() if each.is_floating_point())]
        self.average, self.decay_of_average = [each.detach().clone() for each in self.averaged], decay

    def update(self, loss):
        """Takes an optimizer step. Computes no gradients of the other network's weights."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward(inputs=self.weights)
        if self.decay:
            self.optimizer.param_groups[0]["lr"] = self.rate / (1 + self.decay * self.updates)
        self.optimizer.step()
        self.updates += 1
        if self.average:
            decay = min(self.decay_of_average, (1 + self.updates) / (10 + self.updates))
            torch._foreach_lerp_(self.average, [each.detach() for each in self.averaged], 1 - decay)

    def count(self):
        averages = [buffer for buffer in self.network.buffers() if buffer.is_floating_point()]
        return sum(tensor.numel() for tensor in self.weights + averages)


def trainer(name, images, compiled=False):
    """The Trainer of a workload; images: the path of an .npy file."""
    torch.set_num_threads(os.cpu_count() or 1)
    torch.manual_seed(0)
    networks, config = system(name)
    images = torch.from_numpy(np.array(scaled(np.load(images), networks)))
    images = images.permute(0, 3, 1, 2) if images.ndim == 4 else images  # which is channels last in memory
    g = NetworkOptimizer(networks.generator, (config.noise_size,), config, config.g_lr, config.g_decay, compiled)
    d = NetworkOptimizer(networks.discriminator, networks.shape, config, config.d_lr, config.d_decay, compiled)
    if config.average:
        g.keep_average(config.average)
    reals, last = _batches(config, images), []

    def train():
        last[:] = step(config, g, d, next(reals))

    losses = lambda: [float(loss) for loss in last]  # noqa: E731
    return Trainer(train, losses, 1, (g.count(), d.count()), f"{torch.get_num_threads()} threads")


def step(config, g, d, real):
    """One step of both networks. Returns (D's loss, G's loss)."""
    fresh = config.g_noise == "fresh"
    with torch.set_grad_enabled(not fresh):
        fake = g.apply(_noise(config, len(real)))
    if config.d_batches == "in_turn":
        d_real = _cross_entropy(d.apply(real), 1 - config.smooth)
        d.update(d_real)
        d_fake = _cross_entropy(d.apply(fake.detach()), config.fake_label)
        d.update(d_fake)
    else:
        real_logits, fake_logits = d.apply(torch.cat([real, fake.detach()])).chunk(2)
        d_real = _cross_entropy(real_logits, 1 - config.smooth)
        d_fake = _cross_entropy(fake_logits, config.fake_label)
        d_loss = (d_real + d_fake) * (1 if config.d_loss == "sum" else 0.5)
        if config.penalty == "r1" and d.updates % config.penalty_every == 0:
            d_loss = d_loss + config.penalty_every * config.penalty_weight * _r1(d.network, real)
        d.update(d_loss)
    fake = g.apply(_noise(config, len(real))) if fresh else fake
    g_loss = _cross_entropy(d.apply(fake), config.g_label)
    g.update(g_loss)
    return (d_real + d_fake).detach() / 2, g_loss.detach()


def _r1(network, real):
    """The R1 penalty. It is not compiled: torch.compile differentiates once only."""
    real = real.detach().requires_grad_()
    slopes = torch.autograd.grad(network(real).sum(), real, create_graph=True)[0]
    return slopes.square().sum([1, 2, 3]).mean() / 2


def _optimizer(config, weights, rate):
    if config.optimizer == "adam":
        return torch.optim.Adam(weights, rate, (config.beta1, config.beta2), config.epsilon, fused=True)
    return torch.optim.RMSprop(weights, rate, config.rho, config.epsilon, foreach=True)


def _cross_entropy(logits, label):
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def _noise(config, count):
    shape = count, config.noise_size
    if config.noise == "normal":
        return torch.randn(shape)
    draws = torch.rand(shape)
    return draws if config.noise == "unit" else 2 * draws - 1


def _batches(config, images):
    """Yields without end the images of each step."""
    while True:
        if config.batches == "random":
            yield images[torch.randint(len(images), [config.batch_size])]
            continue
        sizes = batch_sizes(config, len(images)) * (
            1 if config.batches == "whole" else len(images) // config.batch_size
        )
        for which in torch.randperm(len(images))[: sum(sizes)].split(sizes):
            yield images[which]
