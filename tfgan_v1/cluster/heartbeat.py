"""Which workers accept a connection. A process that hangs does not: its kernel would, but not its server."""

import time

RECONNECT = [("grpc.initial_reconnect_backoff_ms", 200), ("grpc.max_reconnect_backoff_ms", 1000)]


def answering(addresses, seconds):
    """Those of the addresses at which a server accepts a connection within so many seconds, as a set.

    Returns as soon as all do.
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
