"""Figures while training: `--evaluate-every` measures the generator, and the best so far is kept."""

from typing import Any, NamedTuple

import numpy as np

from tfgan_v1 import train_graph
from tfgan_v1.evaluating import digits_of, load_classifier
from tfgan_v1.evaluation import scores
from tfgan_v1.plan import real_sets, shaping

NUM = 5000  # images to measure
METRICS = {  # what the data are -> metrics in scores.METRICS; the generator with the lowest first figure is the best
    "labelled": ("frechet_distance", "precision_recall"),
    "images": ("sliced_wasserstein",),
    "points": ("distribution",),
}


class Evaluator(NamedTuple):
    """Measures generated images against the real ones of a run."""

    reference: scores.Reference
    classifier: Any  # to be closed, or None

    @property
    def header(self):
        """The columns of evaluation.csv."""
        return ("step", "epoch", *self.reference.real)

    def measure(self, draw):
        """The figures, in the order of the header, of images from `draw`: a function of the batch's number.

        Each batch is [train_graph.MEASURED, *shape].
        """
        batches = [draw(index) for index in range(-(-self.reference.count // train_graph.MEASURED))]
        figures = scores.score(np.concatenate(batches)[: self.reference.count], self.reference)
        return [figure.generated for figure in figures.values()]

    def close(self):
        """Closes the classifier."""
        if self.classifier:
            self.classifier.close()


def make_evaluator(plan):
    """The Evaluator of a plan. It may train a classifier for a minute or two. Raises UserError for too few images."""
    config = plan.config
    dataset, test = real_sets(config, plan.dataset)
    labelled = dataset.labels is not None and len(dataset.classes) > 1
    names = METRICS["points" if plan.is_points else "labelled" if labelled else "images"]
    scores.choose(names, dataset, scores.common_count(NUM, dataset, test))
    classifier = None
    if scores.needs_classifier(names):
        digits = digits_of(dataset, config.data_dir, shaping(config))
        classifier = load_classifier(dataset, test, digits, cache_dir=config.cache_dir)
    reference = scores.make_reference(dataset, test, num=NUM, seed=config.seed, names=names, classifier=classifier)
    return Evaluator(reference, classifier)
