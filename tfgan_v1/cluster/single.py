"""The only process of a run: what membership.Member is in a cluster, with nobody to exchange anything with."""

from contextlib import contextmanager


class Alone:
    """It adds nothing to the graph, and waits for nobody. See membership.Member for what each method does."""

    size, is_chief, device, target = 1, True, None, ""

    @staticmethod
    def workers(unit):
        """The sharing.Workers of the graph: none."""

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
    def adopt(graph, session, step):
        """The step at which training starts."""
        return step

    @staticmethod
    def stops(signals):
        """The number of the signal by which training ends, or None."""
        return signals[0] if signals else None

    @staticmethod
    def leave():
        """The end of training."""


ALONE = Alone()
