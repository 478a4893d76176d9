"""The single process of a run without a cluster, in place of member.Member."""

from contextlib import nullcontext


class Single:
    """Adds nothing to the graph, and waits for nobody. See member.Member for its methods."""

    size, is_chief, device, target = 1, True, None, ""

    def workers(self, unit):
        return None

    def configured(self, session_config):
        return session_config

    def call(self, session):
        return nullcontext()

    def broadcast(self, graph, session, step):
        return step

    def stops(self, signals):
        return signals[0] if signals else None

    def leave(self):
        pass


SINGLE = Single()
