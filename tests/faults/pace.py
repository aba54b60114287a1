"""A load of calls, each due at a fixed time: its latency counts from then, whatever held it up. Used by soak and recovery.test."""
import asyncio
import collections
import json
import time

import andon

Call = collections.namedtuple("Call", "due took status streamed model")  # status: -1 an incomplete 200, -2 no answer


IDLE = 15.0  # seconds; the gateway closes what is idle for longer, and a call must not meet that


class Links:
    """Kept-alive connections, each for one call at a time."""

    def __init__(self, address):
        self.host, self.port = andon.host_port(address)
        self.free = collections.deque()

    async def call(self, request, streamed):
        """The status, and the model that served."""
        reader, writer = self.idle() or await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            body = await self.body(reader, head)
            self.free.append((time.monotonic(), reader, writer))
        except BaseException:
            writer.close()
            raise
        status, model = int(head[9:12]), field(head, b"x-andon-model")
        whole = body.endswith(b"data: [DONE]\n\n") if streamed else body.endswith(b"}")
        return status if status != 200 or whole else -1, model

    def idle(self):
        """The one that served last; those that have been idle for long go."""
        while self.free and self.free[0][0] < time.monotonic() - IDLE:
            self.free.popleft()[2].close()
        return self.free.pop()[1:] if self.free else None

    @staticmethod
    async def body(reader, head):
        if length := field(head, b"content-length"):
            return await reader.readexactly(int(length))
        out = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            out += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
        return out


def field(head, name):
    _, found, rest = head.partition(b"\r\n" + name + b": ")
    return rest.split(b"\r")[0].decode() if found else ""


class Load:
    """`rate` calls a second for so many seconds, every other one streamed."""

    def __init__(self, address, key, rate, lasts):
        self.links, self.key, self.rate, self.lasts = Links(address), key, rate, lasts
        self.seen = []
        body = {"model": "chat", "messages": [{"role": "user", "content": "Say something"}]}
        self.requests = [self.request(address, {**body, "stream": streamed} if streamed else body) for streamed in (False, True)]

    def request(self, host, body):
        text = json.dumps(body).encode()
        return (f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {self.key}\r\ncontent-type: application/json\r\n"
                f"content-length: {len(text)}\r\n\r\n").encode() + text

    async def one(self, due, streamed):
        model = ""
        try:
            status, model = await asyncio.wait_for(self.links.call(self.requests[streamed], streamed), 30)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
            status = -2
        self.seen.append(Call(due, time.monotonic() - due, status, streamed, model))

    async def run(self, deeds):
        """`deeds`: (seconds after the beginning, what to do then), in order. A slow deed belongs into a thread."""
        began, calls, number = time.monotonic(), set(), 0
        while number < self.rate * self.lasts:
            now = time.monotonic() - began
            while deeds and deeds[0][0] <= now:
                deeds.pop(0)[1]()
            while number <= now * self.rate and number < self.rate * self.lasts:
                call = asyncio.ensure_future(self.one(began + number / self.rate, number % 2 == 1))
                calls.add(call)
                call.add_done_callback(calls.discard)
                number += 1
            await asyncio.sleep(0.002)
        await asyncio.gather(*calls)
        for _, _, writer in self.links.free:
            writer.close()
