"""`--tensorboard`: the losses, samples and weights of a run as event files, which TensorBoard shows."""

import io

from PIL import Image

from tfgan_v1._tensorflow import tf
from tfgan_v1.report import plots
from tfgan_v1.report.curves import TAGS


class EventFiles:
    """The event files of a run. Make it before the graph is finalized; it writes nothing before `start`."""

    def __init__(self, folder, weights):
        """folder: where to write. weights: the variables whose values are written as histograms."""
        self._folder, self._writer = folder, None
        # Not tf.summary.histogram, which would name them after ops of its own.
        histograms = [tf.raw_ops.HistogramSummary(tag=variable.op.name, values=variable) for variable in weights]
        self._weights = tf.summary.merge(histograms)

    def start(self, step):
        """Begins a new file; TensorBoard then forgets what earlier ones have of steps after this one."""
        self.close()
        self._writer = tf.summary.FileWriter(str(self._folder))
        self._writer.add_session_log(tf.SessionLog(status=tf.SessionLog.START), step + 1)

    def add_numbers(self, step, numbers):
        """Adds numbers by name: STEP_METRICS, or scores."""
        values = [tf.Summary.Value(tag=TAGS.get(name, name), simple_value=number) for name, number in numbers.items()]
        self._writer.add_summary(tf.Summary(value=values), step)

    def add_samples(self, step, samples, session):
        """Adds PNG files by name, and the weights as they are now; then writes all to disk."""
        values = [tf.Summary.Value(tag=name, image=_image(png)) for name, png in samples.items()]
        self._writer.add_summary(tf.Summary(value=values), step)
        self._writer.add_summary(session.run(self._weights), step)
        self._writer.flush()

    def close(self):
        """Ends the file, if one was begun."""
        if self._writer:
            self._writer.close()


def _image(png):
    width, height = Image.open(io.BytesIO(png)).size
    return tf.Summary.Image(width=width, height=height, encoded_image_string=png)


def pngs_of(plan, progress):
    """The PNG files of the last samples by name: of fresh noise, and of the same noise at each sampling step."""
    sets = {"samples": progress.samples, "fixed_noise": progress.fixed}
    options = plan.dataset.images, plan.sheet_columns
    return {name: plots.samples_png(samples[-1], *options) for name, samples in sets.items() if samples}
