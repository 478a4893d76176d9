"""Every worker of a cluster but the chief: it trains along, and reads and writes nothing of the run."""

from tfgan_v1._tensorflow import tf
from tfgan_v1.errors import Diverged
from tfgan_v1.storage.progress import new_progress
from tfgan_v1.training.loop import compile_steps, initialize, make_context, train_calls, translate_tf_errors
from tfgan_v1.training.signals import deferred_signals


def run(plan, member):
    """Carries out a Plan together with the chief. Returns a Progress without records. Raises what loop.run does."""
    with (
        translate_tf_errors(plan.config),
        deferred_signals() as signals,
        tf.Graph().as_default(),
        make_context(plan, "", signals, member=member) as context,
    ):
        initialize(context)
        progress = new_progress(plan)
        progress.step = member.broadcast(context.graph, context.session)
        compile_steps(context, progress)
        nonfinite = next((step for _, step in train_calls(context, progress) if step), None)
        member.leave()
    if nonfinite:
        raise Diverged(
            f"training diverged: a loss or a weight became NaN or infinite at step {nonfinite:,}; the chief at "
            f"{member.addresses.workers[0]} has set the run back to its last saved state"
        )
    return progress
