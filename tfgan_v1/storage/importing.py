"""Old weights as a run, whose generator `sample`, `evaluate` and `export` take like any other."""

import math
import secrets
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfgan_v1 import devices, files
from tfgan_v1._tensorflow import tf
from tfgan_v1.config import Config
from tfgan_v1.data import LARGEST_SIDE
from tfgan_v1.errors import UserError, note
from tfgan_v1.gan import chain, noise
from tfgan_v1.gan.chain import KERNEL, NORM, WORDS, Layer
from tfgan_v1.storage import checkpoints, foreign, old, run_folder
from tfgan_v1.storage.names import CONFIG, check_new
from tfgan_v1.storage.old import fit

MOST_VALUES, MOST_DRAWN = 2**25, 4096  # in a layer's outputs, and images, from which missing averages are estimated
DEFAULTS = {"bias": np.zeros, "offset": np.zeros, "scale": np.ones}  # of what a layer of the file leaves out
AVERAGES = ("moving_mean", "moving_variance")


class Imported(NamedTuple):
    """What `import_generator` read and wrote."""

    folder: Path
    old: old.Old
    config: Config  # of the run: the preset that the layers are, or `layers`
    layers: str  # in the words of gan/chain.py
    notes: tuple[str, ...]  # what was assumed


def import_generator(path, to, *, layers=None, noise=None, image=None, least=None, scope="generator"):
    """Writes a generator of old weights into a new or empty folder, as a run. Returns an Imported.

    path: see old.read. layers: a text as in gan/chain.py, in place of what the file says. noise: a name in
    noise.DISTRIBUTIONS. image: (height, width, channels) of images that the last layer makes as one row; None for
    square gray ones. least: -1 or 0, the images' least value where the last layer is no tanh or sigmoid. Raises
    UserError, with nothing written, if the file holds no generator, or one of these is needed.
    """
    to = Path(to)
    check_new(to)
    found = old.read(path, layers=None if layers is None else chain.parse(layers), scope=scope)
    found = _with_output(found, image, least)
    layers = found.layers
    shape = chain.shapes(layers, found.noise_size)[-1]
    if not files.fits(list(shape), run_folder.FORMS["data"]["image_shape"]):
        made = "x".join(map(str, shape))
        raise UserError(
            f"the layers make {made}, and images have 1 or 3 channels, and sides of at most {LARGEST_SIDE:,}"
        )
    preset = next((name for name in chain.PRESETS if _same(chain.preset_chain(name, shape), layers)), None)
    distribution = noise or (preset and Config(model=preset).noise)
    if not distribution:
        raise UserError(f"{path} does not say of which distribution its noise was; give it by --noise")
    rest = {"noise": distribution, "noise_size": found.noise_size, "average": 0.0}
    own = {"model": "points" if len(shape) == 1 else "tuned", "clusters": "none", "layers": chain.text(layers)}
    config = Config(**({"model": preset} if preset else own), **rest)
    weights = list(_complete(found, layers))
    facts = {"name": "imported", "num_images": 0, "image_shape": list(shape), "sha256": found.sha256}
    notes = list(found.notes) if noise else [*found.notes, f"its noise is that of {preset}, by default"]
    with files.new_folder(to) as partial:
        run_id, here = secrets.token_hex(8), config.replace(ckpt=partial)
        about = {"imported": found.path.name, "imported_format": found.format, "imported_layers": found.source}
        run_folder.write(run_folder.Saved(here, facts, {**run_folder.made_by(), **about}, run_id))
        notes += _save(here, layers, weights, found.step, run_id)
    return Imported(to, found, config, chain.text(layers), tuple(notes))


def start_from(folder, savers, session):
    """Restores both networks of --weights: of a run, or of another program; or the generator, if it is alone.

    folder: the checkpoint folder of a run, or see old.read_pair. savers: the checkpoints.Saver of both networks,
    "weights", and of the generator, "latest". Raises UserError for weights that are not those of these networks.
    """
    if is_old(folder):
        generator, discriminator = old.read_pair(folder)
        if generator is None:
            raise UserError(f"--weights {folder} holds no generator; add its file")
        _assign(generator, "generator", savers["weights"].variables, session)
        if discriminator:
            _assign(discriminator, "discriminator", savers["weights"].variables, session)
        alone = discriminator is None
    else:
        alone = checkpoints.generator_alone(folder)
        state = alone or checkpoints.newest_state(folder)
        if state is None:
            raise UserError(f"--weights {folder} holds no training state; name the checkpoint folder of a run")
        checkpoints.restore(savers["latest" if alone else "weights"], session, state, part=True)
    if alone:
        note(f"{folder} holds a generator alone, so the discriminator starts anew")


def is_old(folder):
    """Whether a path holds the weights of another program."""
    return not (folder / CONFIG).is_file() and bool(foreign.weights(folder))


def _assign(found, role, variables, session):
    """Gives the variables of a network the weights of an Old. What the file leaves out stays as it starts."""
    ours = {name: variable for name, variable in variables.items() if name.startswith(f"{role}/")}
    theirs = [(part, parts.get(part)) for parts in found.weights for part in (KERNEL if "kernel" in parts else NORM)]
    parts = {name: name.rpartition("/")[2] for name in ours}
    if [*parts.values()] != [part for part, _ in theirs]:
        counts = f"{len(found.weights)} layers with weights, {' '.join(layer.word for layer in found.layers)}"
        raise UserError(
            f"{found.path} has {counts}, which are not those of the {role} here; give its --model or --layers"
        )
    for (name, variable), (_, value) in zip(ours.items(), theirs, strict=True):
        if value is None:
            continue
        if tuple(variable.shape) != value.shape:
            sizes = f"{name} is {list(value.shape)} there and {variable.shape.as_list()} here"
            raise UserError(f"{found.path} does not fit the {role}: {sizes}; give its --model, --noise-size or size")
        _set(variable, value, session)


def _with_output(found, image, least):
    """The Old with the images' shape and range as its last layers. Raises UserError if these are unknown."""
    weights, (*inner, last) = found.weights, found.layers
    inner, last = (inner, last) if last.word in (*chain.OUTPUTS, "linear") else (found.layers, None)
    made = chain.shapes(inner, found.noise_size)[-1]
    points = made == (1,)
    if last is None or last.word == "linear":
        least = 0 if least is None and last and last.number == 0 else least
        if least not in (-1, 0) and not points:
            raise UserError(
                "the last layer has no activation, so the images' range is unknown; give --range -1,1 or 0,1"
            )
        last = Layer("linear", number=-1.0 if points else float(least))
    if len(made) == 3 and image and tuple(image) != made:
        raise UserError(f"the layers make images of {'x'.join(map(str, made))}; leave out --image")
    if len(made) == 1 and not points:
        side = math.isqrt(made[0])
        image = image or (side, side, 1)
        if math.prod(image) != made[0]:
            advice = "give --image HEIGHTxWIDTHxCHANNELS"
            raise UserError(f"the last layer makes {made[0]:,} numbers, which are no square gray image; {advice}")
        inner = [*inner, Layer("reshape", tuple(image))]
        weights = fit.channels_last(weights, image) if found.format == old.PYTORCH else weights
    return found._replace(layers=(*inner, last), weights=weights)


def _same(one, other):
    """Whether two lists of layers are the same but for where they reshape."""
    one, other = ([str(layer) for layer in layers if layer.word != "reshape"] for layers in (one, other))
    return one == other


def _complete(found, layers):
    """The weights of each layer that has some, by name, without missing averages. Raises UserError for other shapes."""
    inputs = [(found.noise_size,), *chain.shapes(layers, found.noise_size)]
    weighted = [(layer, shape) for layer, shape in zip(layers, inputs, strict=False) if WORDS[layer.word].weights]
    for number, ((layer, shape), given) in enumerate(zip(weighted, found.weights, strict=True), 1):
        wanted = chain.weight_shapes(layer, shape)
        values = {part: DEFAULTS[part](size, np.float32) for part, size in wanted.items() if part in DEFAULTS} | given
        for part, value in values.items():
            if value.shape != wanted.get(part):
                right = list(wanted.get(part, ()))
                sentence = (
                    f"{part} of layer {number} with weights, {layer}, is {list(value.shape)}, and must be {right}"
                )
                raise UserError(f"{sentence}; give the layers by --layers")
        yield values


def _save(config, layers, weights, step, run_id):
    """Saves the checkpoint of a run. Returns notes. weights: by name, of each layer that has some."""
    shapes, estimated = chain.shapes(layers, config.noise_size), []
    count = min(MOST_DRAWN, max(64, MOST_VALUES // max(map(math.prod, shapes))))
    with devices.new_graph() as graph, tf.Session(graph=graph, config=devices.session_config("cpu")) as session:
        with tf.variable_scope("generator", use_resource=True):
            outputs = noise.draw(config.noise, 0, noise.SEEDS, 0, 1, [count, config.noise_size])[0]
            for layer, name in zip(layers, chain.names(layers), strict=True):
                inputs, outputs = outputs, WORDS[layer.word].build(outputs, layer, name, None)
                if name is None:
                    continue
                values = weights.pop(0)
                if layer.word == "batch_norm" and not values.keys() >= {*AVERAGES}:
                    moments = session.run(tf.nn.moments(inputs, [*range(inputs.shape.rank - 1)]))
                    values |= dict(zip(AVERAGES, moments, strict=True))
                    estimated.append(name)
                for variable in tf.global_variables(f"generator/{name}/"):
                    _set(variable, values[variable.op.name.rpartition("/")[2]], session)
        named = dict(zip(_names(config, shapes[-1]), tf.global_variables("generator/"), strict=True))
        checkpoints.save_generator(checkpoints.make_saver(named, run_id), session, config.ckpt_folder, step)
    missing = f"the moving averages of {', '.join(estimated)} are missing, and are estimated from generated images"
    return [missing] if estimated else []


def _set(variable, value, session):
    """Gives a variable a value, also in a finalized graph: through its initializer."""
    session.run(variable.initializer, {variable.initializer.inputs[1]: value})


def _names(config, shape):
    """The names of a generator's variables, in their order."""
    with devices.new_graph(), tf.variable_scope("generator", use_resource=True):
        config.network.generator(tf.zeros([1, config.noise_size]), shape, None)
        return [variable.op.name for variable in tf.global_variables()]
