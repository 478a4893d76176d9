"""One worker of a cluster: its server, the exchange of texts before training, and the watch for lost workers.

Each process runs TensorFlow's server and sessions on it; what they exchange are TensorFlow's collectives. A thread
takes part in one exchange a second for as long as the run lasts, so that a worker that is killed or hangs is noticed,
while the chief may take its time to save. (A time limit on each collective of the training loop would cost a sleeping
thread for each, and would take a slow step for a lost worker.)
"""

import itertools
import re
import threading
import time
from contextlib import AbstractContextManager, contextmanager, nullcontext

import numpy as np

from tfgan_v1 import devices
from tfgan_v1._tensorflow import quiet, reason, tf
from tfgan_v1.errors import PeerLost, UserError
from tfgan_v1.gan.data_parallel import GROUP, Workers

PULSE = 1.0  # seconds between two exchanges of the watch
SILENCE = 5.0  # seconds without an answer after which a worker is lost
PROBE = 1.0  # seconds in which a worker has to accept a connection, and others find this one alive
FIRST = 60  # seconds of the first exchange, when all are there
WATCH = 2  # the watch's group of collectives; the others' is data_parallel.GROUP
TRAINING, DONE, FAILED = 1, 2, 3  # states of a worker in the watch
BROKEN = ("AbortedError", "CancelledError", "DeadlineExceededError", "UnavailableError")  # of TensorFlow: a lost worker
SECOND = re.compile(r"task:(\d+)\S* current incarnation doesn't match")  # in TensorFlow's error: see _note_second
RECONNECT = [("grpc.initial_reconnect_backoff_ms", 200), ("grpc.max_reconnect_backoff_ms", 1000)]  # of a probe


class Member(AbstractContextManager):
    """One of several workers. Leaving it by an exception tells the others."""

    def __init__(self, addresses, wait, end=None):
        """Starts the server and waits for the others, so many seconds. addresses: addresses.Addresses.

        end: a function of a PeerLost that ends the process, called if a worker is lost while this one waits for it in a
        call. By default, the call is broken off, in which TensorFlow was once seen to crash.
        Raises UserError if the address is in use, and PeerLost if another worker does not come.
        """
        self.addresses = addresses
        self.size, self.index, self.is_chief = len(addresses.workers), addresses.index, addresses.is_chief
        self._task = f"/job:worker/task:{self.index}"
        self.device = f"{self._task}/device:CPU:0"  # of all graphs
        self._keys = itertools.count(1)  # of the collectives of all graphs, in the order in which all build them
        self._state, self._started = TRAINING, False  # started: whether there is a run to resume
        self._failed = None  # once a worker is lost, the indices of those that said that they end by an error
        self._second = None  # the index of a worker as which a second process has come
        self._calling = None  # the session that the main thread waits for
        self._end, self._ending = end, False
        self._lock, self._wake, self._thread = threading.Lock(), threading.Event(), None
        config = self.configured(devices.session_config("cpu"))
        try:
            with quiet():
                self._server = tf.train.Server({"worker": list(addresses.workers)}, "worker", self.index, config=config)
        except tf.errors.OpError as error:
            advice = "give it a free port of its own machine in TF_CONFIG, in the same way for all workers"
            raise UserError(f"this worker cannot listen at {addresses.own} ({reason(error)}); {advice}") from None
        self.target = self._server.target
        missing = self._missing(wait)
        if missing:
            advice = "start all workers, or give more time by --wait"
            raise PeerLost(f"{missing} did not come within {wait:g} seconds; {advice}")

    def __exit__(self, kind, error, traceback):
        if self._thread is None:
            return
        if kind is not None and self._failed is None:
            self._say(FAILED)
            self._thread.join(2 * PULSE)
        for session in (self._watcher, self._asker):  # an open one keeps the process from ending
            session.close()

    def configured(self, session_config):
        """A session's configuration with what collectives need."""
        session_config.experimental.collective_group_leader = "/job:worker/replica:0/task:0"
        session_config.device_filters.append(self._task)
        session_config.isolate_session_state = True
        return session_config

    def workers(self, unit):
        """The data_parallel.Workers of the current graph. unit: rows of a batch that stay together."""
        return Workers(self.size, self.index, self._keys, unit)

    def name(self, index):
        """The name of a worker in an error."""
        return f"the {'worker' if index else 'chief'} at {self.addresses.workers[index]}"

    def gather(self, text):
        """The texts of all workers, in their order."""
        codes = np.frombuffer(text.encode(), np.uint8).astype(np.int32)
        lengths = self._gather(np.array([len(codes)], np.int32))
        padded = np.zeros(int(lengths.max()), np.int32)
        padded[: len(codes)] = codes
        rows = self._gather(padded).reshape(self.size, -1)
        return [row[:length].astype(np.uint8).tobytes().decode() for row, length in zip(rows, lengths, strict=True)]

    def _gather(self, vector):
        with tf.Graph().as_default(), tf.device(self.device), self._session() as session, self.call(session):
            fed = tf.placeholder(tf.int32, vector.shape)
            gathered = tf.raw_ops.CollectiveGatherV2(
                input=fed,
                group_size=self.size,
                group_key=GROUP,
                instance_key=next(self._keys),
                ordering_token=[],
                timeout_seconds=0 if self._thread else FIRST,  # later, the watch notices who is lost
            )
            return session.run(gathered, {fed: vector})

    def _session(self):
        return tf.Session(self.target, config=self.configured(devices.session_config("cpu")))

    def watch(self):
        """Starts the watch for lost workers. All workers call it after they have met."""
        with tf.Graph().as_default(), tf.device(self.device):
            self._fed = tf.placeholder(tf.int32, [self.size])
            self._wishes = self.workers(1).reduce(self._fed)
            # Calls are numbered for all graphs together, in the order in which a process makes them, but for graphs
            # with collectives of the first version by their keys. So the watch may run beside the calls of training.
            self._heard = tf.raw_ops.CollectiveReduce(
                input=self._fed,
                group_size=self.size,
                group_key=WATCH,
                instance_key=next(self._keys),
                merge_op="Add",
                final_op="Id",
                subdiv_offsets=[0],
                timeout_seconds=SILENCE,
            )
            self._watcher, self._asker = self._session(), self._session()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self):
        """Exchanges every worker's state, until all are done or one is lost."""
        while True:
            try:
                states = self._watcher.run(self._heard, {self._fed: self._own(self._state)}).tolist()
            except Exception as error:  # of TensorFlow: a worker is lost; of Python: this process ends
                self._note_second(error)
                return self._break([])
            if FAILED in states:
                return self._break([index for index, state in enumerate(states) if state == FAILED])
            if set(states) == {DONE}:
                return None
            self._wake.wait(PULSE)
            self._wake.clear()

    def _break(self, failed):
        """Ends the call that the main thread is in, and lets it make no other one."""
        with self._lock:
            self._failed, calling = failed, self._calling
            self._ending = calling is not None and self._end is not None
        if self._ending:
            self._end(self._lost())
        elif calling is not None:
            calling.close()

    def _say(self, state):
        """Tells the others, at once."""
        self._state = state
        self._wake.set()

    def _own(self, value):
        """A vector with this worker's value in its place, and zeros."""
        return np.where(np.arange(self.size) == self.index, value, 0).astype(np.int32)

    @contextmanager
    def call(self, session):
        """The context of a Session.run with collectives in it. Raises PeerLost if a worker is lost meanwhile."""
        with self._lock:
            if self._failed is None:
                self._calling = session
        if self._calling is None:
            raise self._lost()
        try:
            yield
        except (tf.errors.OpError, RuntimeError) as error:  # the second, if the session was closed before the call
            with self._lock:
                self._calling = None
            self._note_second(error)
            if self._ending:
                self._thread.join()  # until the process ends
            if self._thread is None and self._second is None:
                raise PeerLost(
                    f"the {self.size} workers could not meet ({reason(error)}); TF_CONFIG must name the same workers "
                    "in the same order on all of them, with another index for each; start all workers again"
                ) from None
            if self._failed is None and self._second is None and type(error).__name__ not in BROKEN:
                raise  # an error of this worker alone, such as a lack of memory
            raise self._lost() from None
        finally:
            with self._lock:
                self._calling = None
        if self._failed is not None:  # the session may be closed
            raise self._lost()

    def _note_second(self, error):
        """Notes the worker in whose place, by an error of TensorFlow, a second process exchanges."""
        if found := SECOND.search(str(error)):
            self._second = int(found[1])

    def _lost(self):
        """The PeerLost that names the missing worker."""
        again = "start all workers again"
        if self._started:
            again = f"the run is at its last saved state; {again} with --resume"
        if self._second is not None:
            return PeerLost(f"two processes run as {self.name(self._second)}; run each worker once; {again}")
        if self._failed:
            failed = " and ".join(map(self.name, self._failed))
            return PeerLost(f"{failed} ended with an error of its own, which it has printed; {again}")
        end = time.monotonic() + PROBE
        missing = self._missing(PROBE)
        time.sleep(max(0, end - time.monotonic()))  # while others may still look for this one
        if not missing:
            return PeerLost(f"an exchange failed, though all workers answer: the network was broken; {again}")
        return PeerLost(f"lost {missing}: it was killed, it hangs, or the network is broken; {again}")

    def _missing(self, seconds):
        """The names of the workers that accept no connection within so many seconds."""
        others = {address: k for k, address in enumerate(self.addresses.workers) if k != self.index}
        there = answering(others, seconds)
        return " and ".join(self.name(k) for address, k in others.items() if address not in there)

    def broadcast(self, graph, session, step=None):
        """Gives all workers the chief's state. Returns its step, which the chief alone passes."""
        start = self.gather(str(step))[0]
        with self.call(session):
            session.run(graph.broadcast)
        return int(start)

    def stops(self, signals):
        """The number of the first signal to any worker, by which training ends, or None."""
        with self.call(self._asker):
            wishes = self._asker.run(self._wishes, {self._fed: self._own(signals[0] if signals else 0)})
        self._started = True  # the chief saves the first state before it asks
        return next((int(wish) for wish in wishes if wish), None)

    def leave(self):
        """Waits until all workers are done, so that none takes the end of another for a loss."""
        self._say(DONE)
        self._thread.join()
        if self._failed is not None and not self.is_chief:
            raise self._lost()


class Single:
    """The process of a run without a cluster, in place of a Member: it adds nothing to the graph, and never waits."""

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


def answering(addresses, seconds):
    """The set of the addresses at which a server accepts a connection within so many seconds.

    Returns as soon as all do. Of a process that hangs, the kernel would accept it, but not the server.
    """
    import grpc  # TensorFlow's own; its Python part comes with it

    channels = {each: grpc.insecure_channel(each, RECONNECT) for each in addresses}
    ready = {each: grpc.channel_ready_future(channel) for each, channel in channels.items()}
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end and not all(each.done() for each in ready.values()):
            time.sleep(0.05)
        return {address for address, each in ready.items() if each.done()}
    finally:
        for each in ready.values():
            each.cancel()
        for each in channels.values():
            each.close()
