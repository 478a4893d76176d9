"""The SavedModel: TensorFlow's own format, which TensorFlow Serving reads.

A matrix product's last digits may change with the number of its rows, so the graph draws as sampling.Generator does: in
blocks of BATCH images. So its images are the Generator's to the bit.
"""

import json

from tfgan_v1 import files
from tfgan_v1._tensorflow import tf
from tfgan_v1.sampling.generator import BATCH, classes_of, noise_of
from tfgan_v1.storage import checkpoints

NAME, VERSION = "saved_model", "1"  # TensorFlow Serving serves the folder NAME, and looks for numbered versions in it


def write(trained, folder):
    """Writes the SavedModel of a trained.Trained into a folder."""
    target = folder / NAME
    files.make_folder(target)
    with (
        trained.session(lambda: _signatures(trained)) as (session, signatures),
        checkpoints.path_without_globs(target) as parent,
    ):
        builder = tf.saved_model.Builder(str(parent / VERSION))
        builder.add_meta_graph_and_variables(session, [tf.saved_model.tag_constants.SERVING], signatures)
        builder.save()
    extra = target / VERSION / "assets.extra"  # TensorFlow's place for a user's own files
    files.make_folder(extra)
    files.write(extra / "model.json", json.dumps(trained.metadata, indent=2) + "\n")


def _signatures(trained):
    """The signatures by name, in the current graph."""
    config, condition = trained.generator.saved.config, trained.generator.condition
    labels = condition and tf.zeros([BATCH, condition.num_classes])
    trained.images(tf.zeros([BATCH, config.noise_size]), labels)  # creates the variables, which a loop's body cannot
    inputs = trained.placeholders()
    seed, n = tf.placeholder(tf.int64, [], "seed"), tf.placeholder(tf.int32, [], "n")
    seeds = seed + tf.range(tf.cast(n, tf.int64))
    z, own = noise_of(config, seeds), condition and condition.one_hot(classes_of(condition, seeds))
    drawn = {
        tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY: (inputs, _in_blocks(trained, **inputs)),
        "seeds": ({"seed": seed, "n": n}, _in_blocks(trained, z, own)),
    }
    if condition:
        label = tf.placeholder(tf.int32, [], "label")
        same = condition.one_hot(tf.fill([n], label))
        drawn["seeds_of_class"] = ({"seed": seed, "n": n, "label": label}, _in_blocks(trained, z, same))
    signature = tf.saved_model.predict_signature_def
    return {name: signature(inputs, {"images": images}) for name, (inputs, images) in drawn.items()}


def _in_blocks(trained, noise, labels=None):
    """The images of noise [n, noise_size] and labels [n, classes], drawn BATCH at a time: [n, *image_shape]."""
    inputs = [noise] if labels is None else [noise, labels]
    count = tf.shape(noise)[0]
    padding = [[0, -count % BATCH], [0, 0]]
    blocks = tuple(tf.reshape(tf.pad(rows, padding), [-1, BATCH, rows.shape[1]]) for rows in inputs)

    @tf.autograph.experimental.do_not_convert
    def draw(block):
        return trained.images(block[0], block[1] if labels is not None else None, reuse=True)

    images = tf.map_fn(draw, blocks, fn_output_signature=tf.float32, parallel_iterations=1)
    return tf.reshape(images, [-1, *trained.generator.image_shape])[:count]
