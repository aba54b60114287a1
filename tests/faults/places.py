"""Where the targets of the fault cases are: simulated providers, TLS before them, and places where nobody answers."""
import asyncio
import contextlib
import json
import socket
import ssl
import struct
import subprocess
import sys
import threading

import andon


class TlsFront:
    """Ends TLS and carries bytes to a plain server, a reset as a reset and an end as an end. A thread of its own."""

    def __init__(self, folder):
        self.certificate, key = folder / "front.crt", folder / "front.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=front",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", self.certificate], check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, key)
        self.context.set_alpn_protocols(["http/1.1"])
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def before(self, address):
        """The port of a TLS listener before host:port."""
        host, port = andon.host_port(address)
        make = asyncio.start_server(lambda r, w: self.carry(r, w, host, port), "127.0.0.1", 0, ssl=self.context)
        server = asyncio.run_coroutine_threadsafe(make, self.loop).result(10)
        return server.sockets[0].getsockname()[1]

    def resetting(self):
        """The port of a listener that resets a connection when its first bytes are there."""
        async def cut(reader, writer):
            await reader.read(16)
            reset(writer)

        return asyncio.run_coroutine_threadsafe(asyncio.start_server(cut, "127.0.0.1", 0), self.loop).result(10).sockets[0].getsockname()[1]

    async def carry(self, reader, writer, host, port):
        try:
            back_reader, back_writer = await asyncio.open_connection(host, port)
        except OSError:
            return reset(writer)
        tasks = [asyncio.ensure_future(copy(reader, back_writer)), asyncio.ensure_future(copy(back_reader, writer))]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[1] not in done:  # the gateway ended: nothing more can come to it
            tasks[1].cancel()
            reset(back_writer)
            return writer.close()
        tasks[0].cancel()
        back_writer.close()
        if tasks[1].result() == "reset":
            return reset(writer)
        writer.close()

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)


async def copy(reader, writer):
    try:
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
        return "end"
    except (OSError, ssl.SSLError):
        return "reset"


def reset(writer):
    link = writer.get_extra_info("socket")  # None when the other side was sooner
    with contextlib.suppress(OSError, AttributeError):
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Ground:
    """All places of one run of the cases; leaving the block ends them."""

    def __init__(self, folder):
        self.folder, self.processes, self.sockets = folder, [], []
        self.front = TlsFront(folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        andon.quiet_end(*self.processes)
        for one in self.sockets:
            one.close()
        self.front.stop()

    def sim(self, script, name):
        made = andon.Sim(self.folder, json.dumps(script, ensure_ascii=False), name)
        self.processes.append(made)
        return made

    def common(self, world, script):
        return self.entry(world, self.sim(script, f"common-{world}").address)

    def entry(self, world, address):
        if world != "tls":
            return {"kind": "custom", "url": f"http://{address}/v1"}
        return {"kind": "custom", "url": f"https://127.0.0.1:{self.front.before(address)}/v1", "ca_file": str(self.front.certificate)}

    def provider(self, world, target, writes):
        """A provider at a place of its own."""
        return getattr(self, "at_" + target["at"])(world, target, writes)

    def at_own(self, world, target, writes):
        script = {"defaults": {"words": 12, **writes}, "rules": target["rules"]}
        return self.entry(world, self.sim(script, f"own-{len(self.processes)}").address)

    def at_nowhere(self, *_):
        return {"kind": "custom", "url": f"http://127.0.0.1:{self.held_port()}/v1"}

    def at_unknown_host(self, *_):
        return {"kind": "custom", "url": "http://no-such-host.invalid:8080/v1"}

    def at_silence(self, *_):
        """Connects stay unanswered: the listener's queue is full."""
        port = self.listener(0)
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            self.sockets.append(filler)
        return {"kind": "custom", "url": f"http://127.0.0.1:{port}/v1"}

    def at_stranger(self, *_):
        """A certificate that nobody vouches for."""
        port = self.front.before(self.sim({}, f"own-{len(self.processes)}").address)
        return {"kind": "custom", "url": f"https://127.0.0.1:{port}/v1"}

    def at_other_name(self, *_):
        """A certificate that is trusted and another host's."""
        port = self.front.before(self.sim({}, f"own-{len(self.processes)}").address)
        return {"kind": "custom", "url": f"https://localhost:{port}/v1", "ca_file": str(self.front.certificate)}

    def at_tls_mute(self, *_):
        """Takes connections and never answers their TLS hello."""
        return {"kind": "custom", "url": f"https://127.0.0.1:{self.listener(5)}/v1"}

    def at_tls_reset(self, *_):
        """Resets connections within their TLS hello."""
        return {"kind": "custom", "url": f"https://127.0.0.1:{self.front.resetting()}/v1"}

    def at_no_tls(self, *_):
        """No TLS where TLS is expected."""
        return {"kind": "custom", "url": f"https://{self.sim({}, f'own-{len(self.processes)}').address}/v1"}

    def listener(self, backlog):
        """The port of a socket that listens and accepts nothing."""
        made = socket.socket()
        made.bind(("127.0.0.1", 0))
        made.listen(backlog)
        self.sockets.append(made)
        return made.getsockname()[1]

    def held_port(self):
        """A port that is taken and does not listen."""
        holder = socket.socket()
        holder.bind(("127.0.0.1", 0))
        self.sockets.append(holder)
        return holder.getsockname()[1]


assert sys.version_info >= (3, 9)
