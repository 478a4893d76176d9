"""The single process of a run without a cluster, in place of member.Member."""

from contextlib import contextmanager


class Single:
    """Adds nothing to the graph, and waits for nobody. See member.Member for what each method does."""

    size, is_chief, device, target = 1, True, None, ""

    @staticmethod
    def workers(unit):
        """The data_parallel.Workers of the graph: none."""

    @staticmethod
    def configured(session_config):
        """A session's configuration, as it is."""
        return session_config

    @staticmethod
    @contextmanager
    def call(session):
        """The context of a Session.run."""
        yield

    @staticmethod
    def broadcast(graph, session, step):
        """The step at which training starts."""
        return step

    @staticmethod
    def stops(signals):
        """The number of the signal by which training ends, or None."""
        return signals[0] if signals else None

    @staticmethod
    def leave():
        """The end of training."""


SINGLE = Single()
