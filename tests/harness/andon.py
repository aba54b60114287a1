"""Starts Andon and simulated providers for tests that span rooms. Standard library only.

Everything listens on loopback at port 0; readiness is an address file. A process is ended by the handle that started it.
"""
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("ANDON_BINARY", str(ROOT / "build" / "release" / "andon"))
SKIPPED = 77
MEMORY = pathlib.Path("/dev/shm")
DISK = tempfile.gettempdir()  # for tests in which writes may have to wait


def wait_until(what, condition, seconds=10.0, step=0.01):
    """The condition's first true value; an AssertionError that says what did not happen."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(step)


class Process:
    """A child with its output in a file."""

    def __init__(self, arguments, log, environment=None):
        self.log = pathlib.Path(log)
        self.started = time.monotonic()
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen([str(a) for a in arguments], stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                          env=None if environment is None else {**os.environ, **environment})

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child.poll() is None

    def signal(self, number):
        self.child.send_signal(number)

    def end(self, seconds=15):
        """SIGTERM; its exit status. Killed when it does not end in time, which fails the test."""
        if self.running():
            self.child.terminate()
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"process did not end within {seconds} s of SIGTERM; log:\n{self.tail()}")

    def kill(self):
        if self.running():
            self.child.kill()
        self.child.wait()

    def tail(self, size=4000):
        return self.log.read_bytes()[-size:].decode(errors="replace") if self.log.exists() else ""

    def status_kb(self, field):
        """A field of /proc/PID/status in kB, such as VmRSS."""
        for line in open(f"/proc/{self.pid}/status"):
            if line.startswith(field + ":"):
                return int(line.split()[1])
        return 0

    def cpu_by_thread(self):
        """{thread name: seconds of CPU}; threads of one name are added."""
        out, tick = {}, os.sysconf("SC_CLK_TCK")
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                text = (task / "stat").read_text()
                name = text[text.index("(") + 1:text.rindex(")")]
                fields = text[text.rindex(")") + 2:].split()
                nanos = (task / "schedstat").read_text().split()[0] if (task / "schedstat").exists() else None
                seconds = int(nanos) / 1e9 if nanos else (int(fields[11]) + int(fields[12])) / tick
                out[name] = out.get(name, 0.0) + seconds
        return out


class Sim(Process):
    """`andon sim`, or any upstream address."""

    def __init__(self, folder, script="", name="sim"):
        folder = pathlib.Path(folder)
        self.file = folder / f"{name}.address"
        self.file.unlink(missing_ok=True)
        arguments = [BINARY, "sim", "--port", "0", "--address-file", self.file]
        if script:
            (folder / f"{name}.yaml").write_text(script)
            arguments += ["--script", folder / f"{name}.yaml"]
        super().__init__(arguments, folder / f"{name}.log")
        self.address = wait_until("sim listens", self._address)

    def _address(self):
        assert self.running(), f"sim ended: {self.tail()}"
        return self.file.read_text().strip() if self.file.exists() and self.file.read_text().endswith("\n") else None

    @property
    def url(self):
        return f"http://{self.address}/v1"


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def __getitem__(self, name):
        return self.headers.get(name.lower())


def call(address, method, path, body=None, headers=None, timeout=20):
    """One HTTP exchange on a connection of its own."""
    host, port = address.rsplit(":", 1)
    link = http.client.HTTPConnection(host, int(port), timeout=timeout)
    try:
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        given = {"content-type": "application/json", **(headers or {})} if body is not None else (headers or {})
        link.request(method, path, body=body, headers=given)
        got = link.getresponse()
        return Reply(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
    finally:
        link.close()


class Andon(Process):
    """`andon serve` on a data directory, which outlives it."""

    def __init__(self, folder, config, data=None, arguments=(), ready_within=20, environment=None):
        self.folder = pathlib.Path(folder)
        self.data = pathlib.Path(data or self.folder / "data")
        self.data.mkdir(parents=True, exist_ok=True)
        self.config = self.folder / "andon.yaml"
        if config is not None:
            self.config.write_text(config)
        for file in ("gateway-address", "admin-address"):
            (self.data / file).unlink(missing_ok=True)
        super().__init__([BINARY, "serve", "--config", self.config, "--data", self.data, "--gateway", "127.0.0.1:0", "--admin", "127.0.0.1:0",
                          *arguments], self.folder / "andon.log", environment)
        self.admin = wait_until("andon is ready", lambda: self._ready("admin-address"), ready_within, 0.002)
        self.gateway = self._ready("gateway-address")
        self.ready_seconds = time.monotonic() - self.started
        self.token = (self.data / "admin-token").read_text().strip()

    def _ready(self, file):
        assert self.running(), f"andon ended with {self.child.returncode}: {self.tail()}"
        path = self.data / file
        return path.read_text().strip().removeprefix("https://") if path.exists() else None

    @property
    def url(self):
        return f"http://{self.gateway}/v1"

    def post(self, path, body, key, headers=None, timeout=20):
        return call(self.gateway, "POST", path, body, {"authorization": f"Bearer {key}", **(headers or {})}, timeout)

    def chat(self, key, model="chat", text="Hello", headers=None, timeout=20, **fields):
        return self.post("/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": text}], **fields}, key, headers, timeout)

    def administer(self, method, path, body=None):
        return call(self.admin, method, path, body, {"authorization": f"Bearer {self.token}"})

    def cli(self, *arguments, check=True):
        done = subprocess.run([BINARY, *[str(a) for a in arguments], "--data", str(self.data)], capture_output=True, text=True, timeout=60)
        if check and done.returncode != 0:
            raise AssertionError(f"andon {' '.join(map(str, arguments))}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def make_key(self, name, project="default", *arguments):
        return json.loads(self.cli("key", "create", "--project", project, "--name", name, "--json", *arguments).stdout)

    def metrics(self):
        """{name or name{labels}: value}"""
        text = call(self.admin, "GET", "/metrics").body.decode()
        return {m[1]: float(m[2]) for m in re.finditer(r"^([a-zA-Z_:][^ \n]*(?:\{[^\n]*\})?) ([^ \n]+)$", text, re.M)}

    def metric(self, name):
        """Sum over all label sets."""
        return sum(v for k, v in self.metrics().items() if k == name or k.startswith(name + "{"))

    def balance(self, when, dropped=0):
        """The account of the ledger, which must add up in every scrape."""
        seen = self.metrics()
        found = {name: int(seen.get(f"andon_ledger_{name}", seen.get(f"andon_ledger_{name}_total", -1)))
                 for name in ("appended", "indexed", "waiting", "dropped", "unbalanced")}
        assert found["unbalanced"] == 0 and found["dropped"] == dropped, (when, found)
        assert found["appended"] == found["indexed"] + found["waiting"] + found["dropped"], (when, found)
        return found

    def identities(self, query=""):
        """The ids of all Records that match, page by page."""
        found, cursor = [], ""
        while True:
            got = self.administer("GET", f"/api/v1/records?limit=1000&q={quoted(query)}&cursor={quoted(cursor)}")
            assert got.status == 200, (got.status, got.body)
            page = got.json()
            found += [r["id"] for r in page["data"]]
            cursor = page.get("next") or ""
            if not cursor:
                return found

    def record(self, identity, seconds=5.0):
        """The whole Record, waited for."""
        def fetch():
            got = self.administer("GET", f"/api/v1/records/{identity}")
            return got.json() if got.status == 200 else None
        return wait_until(f"record {identity}", fetch, seconds)

    def search(self, query, limit=1000):
        """Records as `andon ledger search --json` prints them."""
        out = self.cli("ledger", "search", "--json", "--limit", str(limit), query).stdout
        return [json.loads(line) for line in out.splitlines() if line.strip()]

    def export(self):
        out = self.cli("ledger", "export").stdout
        return [json.loads(line) for line in out.splitlines() if line.strip()]

    def wait_indexed(self, seconds=20):
        return wait_until("everything is indexed", lambda: self.metric("andon_ledger_waiting") == 0, seconds)


@contextlib.contextmanager
def locked_store(data):
    """Another process that holds the index's write lock for as long as the block runs."""
    code = ("import sqlite3, sys\nlink = sqlite3.connect(sys.argv[1], isolation_level=None)\nlink.execute('PRAGMA busy_timeout = 10000')\n"
            "link.execute('BEGIN EXCLUSIVE')\nprint('locked', flush=True)\nsys.stdin.read()\nlink.execute('ROLLBACK')\n")
    child = subprocess.Popen([sys.executable, "-c", code, str(data / "index" / "index.db")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "locked\n", "the other process could not take the lock"
        yield child
    finally:
        child.stdin.close()
        child.wait(15)
        child.stdout.close()


@contextlib.contextmanager
def folder(name, under=None):
    """A temporary directory, kept when the block fails and ANDON_KEEP is set. In memory where there is room, unless `under` says where."""
    if under is None and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 4 << 30:
        under = MEMORY
    path = pathlib.Path(tempfile.mkdtemp(prefix=f"andon-{name}-", dir=under))
    try:
        yield path
    except BaseException:
        if os.environ.get("ANDON_KEEP"):
            print("kept", path)
        else:
            shutil.rmtree(path, ignore_errors=True)
        raise
    shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def small_disk(name, size):
    """A file system of its own of this size (`64m`), by tmpfs; None, with a word about it, where none can be mounted."""
    with folder(name, DISK) as place:
        if os.getuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True).returncode != 0:
            print("       SKIPPED: a full file system: no tmpfs can be mounted (it needs root)")
            yield None
            return
        try:
            yield place
        finally:
            subprocess.run(["umount", "-l", place], capture_output=True)


@contextlib.contextmanager
def filled(place):
    """No room is left on the file system of `place`, until the block ends."""
    filler = place / "filler"
    try:
        with open(filler, "wb", buffering=0) as out:
            with contextlib.suppress(OSError):
                while True:
                    out.write(b"x" * 4096)
        yield
    finally:
        filler.unlink(missing_ok=True)


def all_at_once(what, cases, at_most=6):
    """Calls `what` with each case's arguments, in threads: for cases that mostly wait. The first that raised raises here, when all are through."""
    with concurrent.futures.ThreadPoolExecutor(at_most) as pool:
        for done in [pool.submit(what, *case) for case in cases]:
            done.result()


class Suite:
    """Cases are functions; one that raises has failed. `./x.test NAME…` runs the named ones. With `at_once` so many run side by side:
    for cases that have nothing in common and mostly wait."""

    def __init__(self, at_once=1):
        self.cases, self.at_once = [], at_once

    def __call__(self, function):
        self.cases.append(function)
        return function

    def run(self, *arguments):
        wanted, failed, began = sys.argv[1:], [], time.monotonic()

        def one(case):
            start = time.monotonic()
            try:
                case(*arguments)
                print(f"  ok   {case.__name__} ({time.monotonic() - start:.2f} s)", flush=True)
            except Exception:
                failed.append(case.__name__)
                print(f"  FAIL {case.__name__}\n{traceback.format_exc()}", flush=True)

        cases = [(case,) for case in self.cases if not wanted or case.__name__ in wanted]
        if self.at_once > 1:
            all_at_once(one, cases, self.at_once)
        else:
            for case, in cases:
                one(case)
        print(f"{len(self.cases) - len(failed)} passed, {len(failed)} failed in {time.monotonic() - began:.1f} s" + (": " + ", ".join(failed) if failed else ""))
        return 1 if failed else 0


def skip(reason):
    print(f"SKIPPED: {reason}", flush=True)
    sys.exit(SKIPPED)


def need_binary():
    if not os.access(BINARY, os.X_OK):
        print(f"{BINARY} is missing: ./dev build release andon")
        sys.exit(1)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def quiet_end(*processes):
    """Ends all, whatever state they are in."""
    for one in processes:
        with contextlib.suppress(Exception):
            one.kill()


def host_port(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)


def quoted(text):
    return urllib.parse.quote(text, safe="")


TERM = signal.SIGTERM
HUP = signal.SIGHUP
KILL = signal.SIGKILL
