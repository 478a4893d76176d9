"""A TCP relay that delays every byte, like a long distance between two machines.

    python delay.py MILLISECONDS LISTEN:FORWARD [LISTEN:FORWARD ...]

Forwards connections from ports of this machine to other ports of it, until it is killed.
"""

import asyncio
import sys

HOST = "127.0.0.1"


async def relay(reader, writer, seconds):
    """Copies one direction of a connection; what arrives together stays together."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue()

    async def send():
        while True:
            due, data = await queue.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                writer.close()
                return
            writer.write(data)
            await writer.drain()

    sending = asyncio.create_task(send())
    try:
        while data := await reader.read(2**20):
            queue.put_nowait((loop.time() + seconds, data))
    except ConnectionError:
        pass
    queue.put_nowait((loop.time() + seconds, b""))
    await sending


async def serve(seconds, pairs):
    async def connect(reader, writer, forward):
        try:
            there = await asyncio.open_connection(HOST, forward)
        except OSError:
            writer.close()
            return
        await asyncio.gather(relay(reader, there[1], seconds), relay(there[0], writer, seconds), return_exceptions=True)

    servers = [
        await asyncio.start_server(lambda r, w, forward=forward: connect(r, w, forward), HOST, listen)
        for listen, forward in pairs
    ]
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]) / 1000, [tuple(map(int, pair.split(":"))) for pair in sys.argv[2:]]))
