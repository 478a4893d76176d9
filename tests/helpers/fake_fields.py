"""What a run on points records, made by formulas in place of a run: see page.as_run, `field`."""

import base64

import numpy as np

BOX, RADIUS, DEVIATION, MODES = 1.6, 1.0, 0.05, 8
RANDOM = np.random.default_rng(0)


def positions(points, low, high):
    """Points [n, d] as base64 of int16, relative to a box."""
    low, high = np.asarray(low), np.asarray(high)
    relative = (np.reshape(points, (-1, len(low))) - (low + high) / 2) / (2 * (high - low))
    return packed(np.rint(np.clip(relative, -1, 1) * 32767), "<i2")


def packed(values, kind):
    return base64.b64encode(np.asarray(values).astype(kind).tobytes()).decode()


def outputs(values):
    """D's outputs as the two entries of a step."""
    low, high = float(np.min(values)), float(np.max(values))
    scaled = (np.ravel(values) - low) / (high - low or 1) * 65535
    return {"d": packed(np.rint(scaled), "<u2"), "d_range": [low, high]}


def gradients(vectors):
    most = float(np.abs(vectors).max()) or 1.0
    return {
        "gradient": packed(np.rint(vectors / most * 32767), "<i2"),
        "gradient_max": most,
        "gradient_mean": float(np.linalg.norm(vectors, axis=-1).mean()),
    }


def ring(count=21):
    """A field of two dimensions: a blob that becomes a ring of 8 Gaussians, of which two are found late."""
    angles = 2 * np.pi * np.arange(MODES) / MODES
    centers = RADIUS * np.stack([np.cos(angles), np.sin(angles)], 1)
    real = centers[RANDOM.integers(0, MODES, 500)] + DEVIATION * RANDOM.normal(size=(500, 2))
    z, mesh = RANDOM.uniform(-1, 1, (250, 2)), np.linspace(-1, 1, 20)
    grid_z = np.stack(np.meshgrid(mesh, mesh), -1).reshape(-1, 2)
    at = np.linspace(-BOX, BOX, 41)
    places = np.stack(np.meshgrid(at, at), -1).reshape(-1, 2)  # row by row, from low y to high y

    def generate(noise, share):
        """Noise [n, 2] after a share of the training."""
        angle = np.arctan2(noise[:, 1], noise[:, 0]) % (2 * np.pi)
        bent = angle - np.clip(1.2 * share, 0, 0.97) / MODES * np.sin(MODES * angle)
        bent = np.clip(bent, 0.4 * (1 - share), 2 * np.pi - 1.9 * (1 - share))
        length = 1 + (np.hypot(*noise.T) - 0.77) * (0.15 * (1 - share) + 0.03)
        there = length[:, None] * np.stack([np.cos(bent), np.sin(bent)], 1)
        return (1 - share**0.5) * (0.3 * noise + [0.3, -0.2]) + share**0.5 * there

    def density(points, where, width):
        apart = ((where[:, None] - points) ** 2).sum(-1)
        return np.exp(-apart / (2 * width**2)).mean(1) / width**2

    def d(where, fake):
        p, q = density(real, where, 0.15), density(fake, where, 0.15)
        return (0.9 * p + 0.02) / (p + q + 0.04)

    def step(share):
        fake = generate(z, share)
        slope = [
            (d(fake + 0.01 * each, fake) - d(fake - 0.01 * each, fake)) / 0.02 / d(fake, fake) for each in np.eye(2)
        ]
        apart = np.linalg.norm(fake[:, None] - centers, axis=2)
        on = apart.min(1) <= 3 * DEVIATION
        scores = {"modes": len({*apart.argmin(1)[on]}), "on_mode": float(on.mean()), "reverse_kl": 3 * (1 - share) ** 2}
        return {
            **outputs(d(places, fake)),
            "g": positions(generate(grid_z, share), *box),
            "fake": positions(fake, *box),
            **gradients(np.stack(slope, 1)),
            "scores": {**scores, "real_on_mode": 0.989, "real_reverse_kl": 0.01},
        }

    box = [-BOX] * 2, [BOX] * 2
    return {
        **{"dimensions": 2, "names": ["x", "y"], "low": box[0], "high": box[1], "real": positions(real, *box)},
        **{"modes": {"centers": centers.tolist(), "deviation": DEVIATION}, "scores": False, "targets": [1, 0]},
        "grid": 41,
        "noise": {"text": "uniform from -1 to 1", "low": -1, "high": 1, "grid": 20, "size": 2},
        "steps": [step(i / (count - 1)) for i in range(count)],
    }


def line(count=21):
    """A field of one dimension: noise becomes a mixture of two normals."""
    low, high, at = -4.0, 4.0, np.linspace(-4, 4, 121)

    def normal(x, mean, deviation):
        return np.exp(-((x - mean) ** 2) / (2 * deviation**2)) / deviation / np.sqrt(2 * np.pi)

    real = np.where(RANDOM.random(500) < 0.5, RANDOM.normal(-1.5, 0.5, 500), RANDOM.normal(1.5, 0.5, 500))
    p = (normal(at, -1.5, 0.5) + normal(at, 1.5, 0.5)) / 2
    z, mesh = RANDOM.uniform(-1, 1, 250), np.linspace(-1, 1, 41)
    order = np.sort(real)

    def generate(noise, share):
        quantile = order[np.clip(((noise + 1) / 2 * 499).astype(int), 0, 499)]
        return (1 - share) * (0.5 * noise + 2) + share * quantile

    def step(share):
        fake = generate(z, share)
        q = normal(at[:, None], fake, 0.2).mean(1)
        d = (0.9 * p + 0.02) / (p + q + 0.03) * share + 0.5 * (1 - share)
        slope = np.interp(fake, at, np.gradient(d, at) / d)
        return {
            **outputs(d),
            "g": positions(generate(mesh, share), [low], [high]),
            "fake": positions(fake, [low], [high]),
            **gradients(slope[:, None]),
            "q": [float(f"{each:.4g}") for each in q],
            "scores": {"kl_divergence": (1 - share) ** 2},
        }

    return {
        **{"dimensions": 1, "names": ["x"], "low": [low], "high": [high], "real": positions(real, [low], [high])},
        **{"modes": None, "scores": False, "targets": [0.9, 0.0], "grid": 121, "density": p.tolist()},
        "noise": {"text": "uniform from -1 to 1", "low": -1, "high": 1, "grid": 41, "size": 1},
        "steps": [step(i / (count - 1)) for i in range(count)],
    }


def columns(count=5):
    """A field of four columns, of which a page draws two."""
    low, high = [-3.0] * 4, [3.0] * 4
    real, z = RANDOM.normal(size=(300, 4)) * [1, 0.5, 0.8, 0.3], RANDOM.normal(size=(250, 4))
    steps = [{"fake": positions(z * [1, 0.5, 0.8, 0.3] + 1 - i / count, low, high), "scores": {}} for i in range(count)]
    return {
        **{"dimensions": 4, "names": ["length", "width", "height", "age"], "low": low, "high": high},
        **{"real": positions(real, low, high), "modes": None, "scores": False, "targets": None, "grid": None},
        **{"noise": None, "steps": steps},
    }
