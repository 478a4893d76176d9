"""Scores while training, by `--evaluate-every`; the best generator so far is kept."""

import numpy as np

from tfgan_v1.errors import UserError
from tfgan_v1.evaluation import scores
from tfgan_v1.evaluation.evaluate import load_classifier
from tfgan_v1.evaluation.metric_table import CLASSIFIER, METRICS, MIXTURE, POINTS, VECTORS, needs_classifier
from tfgan_v1.storage.run_data import real_sets, shaping

NUM = 5000  # images to measure
BY_KIND = {  # the first kind that the data allow -> metrics; the generator with the lowest first score is the best
    CLASSIFIER: ("frechet_distance", "precision_recall"),
    MIXTURE: ("modes_of_points",),
    POINTS: ("distribution",),
    VECTORS: ("sliced_wasserstein",),
}


class Evaluator:
    """Measures generated images against the real ones of a plan. Raises UserError if these are too few."""

    def __init__(self, plan):
        self._config, self._classifier, self._reference = plan.config, None, None
        self.metrics = next(metrics for kind, metrics in BY_KIND.items() if kind.allows(plan.own, False))
        self.header = ("step", "epoch", *(name for each in self.metrics for name in METRICS[each].scores))
        self._sets = real_sets(plan.config, plan.own)
        count, least = scores.common_count(NUM, *self._sets), max(METRICS[each].least for each in self.metrics)
        if count < least:
            raise UserError(
                f"--evaluate-every needs {least:,} images to train on and as many to compare with, and there are "
                f"{count:,}; leave it out, or use more images"
            )

    def prepare(self):
        """Measures the real images. It may train a classifier first, for a minute or two."""
        (dataset, test), config = self._sets, self._config
        if needs_classifier(self.metrics):
            places = config.data_dir, shaping(config), config.cache_dir
            self._classifier = load_classifier(dataset, test, *places)
        options = {"num": NUM, "seed": config.seed, "classifier": self._classifier}
        self._reference = scores.make_reference(dataset, test, self.metrics, **options)

    @property
    def real(self):
        """The real images' scores, in the order of the header."""
        return list(self._reference.real.values())

    def measure(self, draw):
        """The scores, in the order of the header, of images from `draw`: a function of the number of a batch."""
        batches = [draw(0)]
        while sum(map(len, batches)) < self._reference.count:
            batches.append(draw(len(batches)))
        return [score.generated for score in scores.score(np.concatenate(batches), self._reference).values()]

    def close(self):
        """Closes the classifier."""
        if self._classifier:
            self._classifier.close()
