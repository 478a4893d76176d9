"""A run's progress in memory, and how a resume restores it from disk."""

from dataclasses import dataclass, field
from functools import partial, reduce

from tfgan_v1 import devices
from tfgan_v1.config import Config
from tfgan_v1.errors import UserError, warn
from tfgan_v1.files import fits
from tfgan_v1.gan.adaptive import ADAPTIVE
from tfgan_v1.storage import checkpoints, digests, names, records, run_folder
from tfgan_v1.storage.records import Record

MOST_VIEWS = 512  # sampling steps of which all views are recorded
# In place of a signal's number: on_sample ended the training, or the time of --minutes is over.
STOPPED, OUT_OF_TIME = -1, -2


@dataclass
class Progress:
    """How far a run has come. All of it is on disk, too, once `train` returns."""

    config: Config  # with every open option filled in
    total_steps: int  # of the whole run
    steps_per_epoch: int
    records: dict[str, Record]  # by name: see new_progress
    step: int = 0  # training steps done
    seconds: float = 0.0  # spent training, over all resumes
    reported: tuple = (0.0, 0)  # the seconds and the step of the last line
    sample_steps: list = field(default_factory=list)  # the step of each of the samples
    fixed_steps: list = field(default_factory=list)  # of `fixed` or `views`: also 0, and where the run stopped
    evaluating: float = 0.0  # seconds of this process that went into scores while training
    best: tuple | None = None  # (step, first score) of the best generator so far
    stopped_by: int | None = None  # the number of the signal that ended training early, or one of the above
    exception: BaseException | None = None  # of on_sample, which ended training early

    def __repr__(self):
        config, steps = self.config, 1 if self.config.steps else self.steps_per_epoch
        done = f"{self.step / steps:,.2f}".removesuffix(".00")
        losses = "".join(f", D {row.d_loss:.2f}, G {row.g_loss:.2f}" for row in self.losses[-1:])
        page = config.samples_folder / names.REVIEW_PAGE
        return f"Progress({config.unit} {done} of {config.steps or config.epochs:,}{losses}; {page})"

    @property
    def epoch(self):
        """Epochs done."""
        return self.step // self.steps_per_epoch

    def epoch_of(self, step):
        """The number of the epoch that a step is in, from 1."""
        return (step - 1) // self.steps_per_epoch + 1

    # A float32 array [num_samples, h, w, c] in [0, 1], or points, for each sampling step.
    samples = property(lambda self: self.rows("samples"))
    fixed = property(lambda self: self.rows("fixed"))  # images of the same noise, at the fixed_steps
    views = property(lambda self: self.rows("views"))  # of points, vectors: see gan/views.py
    losses = property(lambda self: self.rows("losses"))  # a records.Losses for each recorded step
    held_out = property(lambda self: self.rows("held_out"))  # a records.HeldOut for each sampling step
    evaluation = property(lambda self: self.rows("evaluation"))  # (step, epoch, *scores) for each evaluation

    @property
    def history(self):
        """A pandas.DataFrame by step: epoch, losses, D's outputs, and those on held-out images and scores, if any."""
        import pandas

        tables = [self.records[name] for name in ("losses", "held_out", "evaluation") if self.rows(name)]
        cells = [[[cell for cell in row if cell is not None] for row in table.rows] for table in tables]
        frames = [pandas.DataFrame(rows, columns=table.header) for rows, table in zip(cells, tables, strict=True)]
        return reduce(partial(pandas.merge, on=["step", "epoch"], how="outer"), frames).set_index("step")

    @property
    def shown(self):
        """(steps, samples) of the page: images of the same noise, or without them the samples."""
        return (self.fixed_steps, self.fixed) if self.fixed else (self.sample_steps, self.samples)

    def rows(self, name):
        """The rows of a record; none if the run does not keep it."""
        return self.records[name].rows if name in self.records else []

    def dicts(self, name):
        """The rows of a table as dicts; none if the run does not keep it."""
        return [dict(zip(self.records[name].header, row, strict=True)) for row in self.rows(name)]

    def metadata(self):
        """What a state keeps besides its tensors: how to recognize the records that belong to it."""
        metadata = {"seconds": self.seconds, "sample_steps": self.sample_steps}
        for record in self.records.values():
            if record.key in ("samples", "losses") or (record.key and record.rows):
                metadata |= record.metadata()
        return metadata | ({"best": list(self.best)} if self.best else {})


def new_progress(plan, evaluation_header=None):
    """The Progress of a Plan at step 0, with empty records. evaluation_header: see evaluator.Evaluator, or None."""
    losses, held_out = records.LOSSES_HEADERS[plan.critic], records.HELD_OUT_HEADERS[plan.critic]
    kept = {  # losses.csv is the first, since it marks a run's folder
        "losses": Record(names.LOSSES, "losses", losses, records.Losses.from_cells, counted=True),
        "samples": Record(names.SAMPLES, "samples"),
    }
    if plan.is_points:
        header = records.statistics_header(plan.metadata["image_shape"][0], plan.modes is not None)
        kept["statistics"] = Record(names.STATISTICS, header=header)
        kept["views"] = Record(names.VIEWS, "views", counted=True)
    else:
        kept["fixed"] = Record(names.FIXED_NOISE, "fixed", counted=True)
    kept["digests"] = digests_record()
    if plan.config.holdout:
        kept["held_out"] = Record(names.HELD_OUT, "held_out", held_out, records.HeldOut._make)
    if plan.config.augment_strength == ADAPTIVE:
        kept["strength"] = Record(names.AUGMENT_STRENGTH, "strength", ("step", "epoch", "augment_strength"))
    if evaluation_header:
        kept["evaluation"] = Record(names.EVALUATION, "evaluation", evaluation_header)
    return Progress(plan.config, plan.total_steps, plan.steps_per_epoch, kept)


def is_viewed(number):
    """Whether the views of a sampling step, by its number, are recorded: all of the first MOST_VIEWS, then ever fewer.

    A function of the number alone, so that a longer run has the same. Each doubling adds half of MOST_VIEWS.
    """
    return number % (1 << max(0, (number // MOST_VIEWS).bit_length())) == 0


def starting_point(plan, saved):
    """The Checkpoint from which a plan continues, or None for step 0.

    saved: a run_folder.Saved, or None for a fresh run. Raises UserError if the run is beyond the plan's end.
    """
    if not saved:
        return None
    checkpoint = checkpoints.newest_state(plan.config.ckpt_folder)
    if checkpoint and checkpoint.step > plan.total_steps:
        raise UserError(
            f"the run in {plan.config.ckpt_folder} is already at {plan.step_label(checkpoint.step)}; train to that "
            f"or later, not to {plan.step_label(plan.total_steps)}"
        )
    now = made_by(plan)
    before = {"device": "cpu", "workers": 1, "cpu": now["cpu"], **saved.made_by}  # of the first versions
    changes = [f"{name} {before.get(name)}, now {now[name]}" for name in now if before.get(name) != now[name]]
    if changes:
        warn(f"the run began with {'; '.join(changes)}: from here on its bits may differ from an uninterrupted run's")
    return checkpoint


def made_by(plan):
    """Everything besides the configuration that affects the exact bits of a run of a Plan."""
    device = {"cpu": devices.cpu_name(), "device": devices.name(plan.config.device)}
    return {**run_folder.made_by(), **device, "workers": plan.workers}


def load_progress(plan, checkpoint, evaluation_header=None):
    """The Progress at a checkpoint, with the records up to it; of missing ones, a warning says so.

    Raises UserError if a record differs from the one that the checkpoint belongs to. evaluation_header: as above.
    """
    saved, folder = _valid_metadata(checkpoint), plan.config.samples_folder
    progress = new_progress(plan, evaluation_header)
    progress.step, progress.seconds = checkpoint.step, saved["seconds"]
    progress.reported = progress.seconds, progress.step
    progress.best = tuple(saved["best"]) if "best" in saved else None
    for record in progress.records.values():
        lost = len(progress.samples) < len(saved["sample_steps"])
        if f"{record.key}_sha256" not in saved or (record.key in ("fixed", "views") and lost):
            continue
        path, goal = folder / record.name, "to continue without the records so far"
        if not path.exists():
            warn(f"{path} is missing: its records up to step {progress.step:,} are lost")
            continue
        most = len(saved["sample_steps"]) if record.key == "samples" else saved.get(f"num_{record.key}")
        try:
            record.add(record.read(folder, progress.step, most))
        except UserError as error:
            raise UserError(f"{error}; restore it from a copy, or move it away {goal}") from None
        now = record.metadata()
        if record.key == "samples":
            progress.sample_steps = now["sample_steps"] = saved["sample_steps"][: len(record.rows)]
        if record.key in ("fixed", "views") and record.rows:  # the first versions had none of step 0
            steps = enumerate([0, *progress.sample_steps])
            steps = [step for number, step in steps if record.key == "fixed" or is_viewed(number)]
            progress.fixed_steps = steps[-len(record.rows) :]
        if any(saved.get(name) != value for name, value in now.items()):
            raise UserError(
                f"{path} was changed, or belongs to another run than {plan.config.ckpt_folder}; "
                f"restore it from a copy, name its folder with --samples, or move it away {goal}"
            )
    return progress


def digests_record():
    return Record(names.DIGESTS, "digests", digests.HEADER, cell=digests.as_digest)


def load_digests(config):
    """The digests of a run, {step: row}. Raises UserError unless they are those of its newest state."""
    checkpoint, record = checkpoints.newest_state(config.ckpt_folder), digests_record()
    advice = "name the run's samples folder with --samples"
    rows = digests.read(config.samples_folder, advice)
    record.add([row for step, row in rows.items() if checkpoint and step <= checkpoint.step])
    if not checkpoint or any(checkpoint.facts.get(name) != value for name, value in record.metadata().items()):
        path = config.samples_folder / names.DIGESTS
        raise UserError(f"{path} was changed, or belongs to another run than {config.ckpt_folder}; {advice}")
    return rows


def _valid_metadata(checkpoint):
    """The metadata of a checkpoint. Raises UserError unless they have the form of `Progress.metadata`."""
    counts, steps = range(checkpoint.step + 2), range(1, 2**63)
    form = {"num_losses": counts, "num_fixed?": counts, "num_views?": counts, "seconds": float}
    form |= {"best?": [steps, float], "sample_steps": [steps, ...]}
    if not fits(checkpoint.facts, form) or not 0 <= checkpoint.facts["seconds"] < 1e9:
        raise UserError(f"{checkpoint.prefix}.json is damaged; restore it from a copy")
    return checkpoint.facts
