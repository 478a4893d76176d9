"""How a training starts: alone, or as one of the workers that TF_CONFIG names."""

from dataclasses import fields

from tfgan_v1.cluster import addresses, rendezvous
from tfgan_v1.cluster.member import Member
from tfgan_v1.config import Config
from tfgan_v1.config.presets import FASTER_ALONE
from tfgan_v1.errors import UserError, brief, note
from tfgan_v1.training import loop, worker
from tfgan_v1.training.plan import CustomParts, make_plan, of_array

WAIT = 300.0  # seconds in which all workers must have come


def train(
    config,
    *,
    resume=False,
    overwrite=False,
    model=None,
    loss=None,
    d_optimizer=None,
    g_optimizer=None,
    images=None,
    labels=None,
    on_sample=None,
    wait=WAIT,
):
    """Trains a GAN; writes checkpoints, samples, losses and plots into the two folders of `config`. Returns Progress.

    resume: continue the run in these folders up to the length that config gives; the result has the same bits as an
    uninterrupted run. overwrite: delete the run in these folders first. model, loss, d_optimizer, g_optimizer: a custom
    models.Model, losses.Loss and optimizers.Optimizer of each network in place of those that `config` names. images,
    labels: arrays in place of the data that `config` names: see data.from_array. on_sample: function (step, samples,
    metrics), called at each sampling step with float32 [num_samples, h, w, c] in [0, 1] or points, and a dict of floats
    by name; it may run no TensorFlow outside a graph of its own. If it raises, the run ends as by Ctrl-C, and the error
    is raised. wait: if the environment variable TF_CONFIG names several workers, the seconds in which all of them must
    have come; the chief alone calls on_sample. Ctrl-C and SIGTERM save everything and end the training early.
    Raises UserError, with no run changed, for every mistake that the user can correct; its subclass Diverged, with the
    run at its last saved state, if a loss or a weight becomes NaN or infinite, and PeerLost if a worker is lost.
    """
    if labels is not None and images is None:
        raise UserError("labels are those of images; pass images, too, or name a file of labels in Config(labels=...)")
    if on_sample is not None and not callable(on_sample):
        raise UserError(f"on_sample must be a function (step, samples, metrics), not {brief(on_sample)}")
    dataset = None if images is None else of_array(config, images, labels)
    custom = CustomParts(model, loss, d_optimizer, g_optimizer, dataset)
    cluster = addresses.from_environment()
    if cluster is None:
        plan = make_plan(config, resume=resume, overwrite=overwrite, custom=custom)
        return loop.run(plan, on_sample=on_sample)
    wanted = {each.name: getattr(config, each.name) for each in fields(Config)}
    options = {"resume": resume, "overwrite": overwrite, "custom": custom, "on_sample": on_sample}
    return work(cluster, wait, wanted, lambda: config, **options)


def work(
    cluster,
    wait,
    wanted,
    make_config,
    *,
    resume,
    overwrite,
    custom=CustomParts(),  # noqa: B008, a constant
    on_sample=None,
    end=None,
):
    """Trains as one of several workers. Returns Progress; that of the chief alone has records.

    cluster: addresses.Addresses. wanted, make_config: see meeting.agree_on_options. end: see membership.Member. The
    rest is as in `train`.
    """
    with Member(cluster, wait, end) as member:
        config = rendezvous.agree_on_options(member, wanted, make_config)
        member.watch()

        def plan_run():
            options = {"resume": resume, "overwrite": overwrite, "custom": custom, "workers": member.size}
            return make_plan(config, **options) if member.is_chief else make_plan(config, **options, chief=False)

        plan = rendezvous.agree_on_data(member, plan_run)
        if not member.is_chief:
            return worker.follow(plan, member)
        if config.model in FASTER_ALONE and not custom.model:
            note(
                f"--model {config.model} is not faster with several workers: a step takes less time than the exchange "
                "between them"
            )
        return loop.run(plan, member, on_sample)
