"""Debian's nginx and HAProxy with the files of `deploy/`, of which only ports, paths and users are other ones here."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import tempfile
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devstack.embedded import EmbeddedStore
from devstack.embedded.ports import reserve_port

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PROCESSES = ("127.0.0.1:8001", "127.0.0.1:8002")
"""As the files name them."""


class ProxyMissing(RuntimeError):
    """The program is not on this machine."""


class Proxy(EmbeddedStore):
    """A program that passes on to server processes what comes by TLS. Make it once; its folder is gone after `remove`.

    Args:
        targets: The URLs of the processes.

    Attributes:
        http_port: The port without TLS; `port` is the one with it.
        certificate: The file with the certificate that it shows.
    """

    program: ClassVar[str]

    def __init__(self, targets: Sequence[str]) -> None:
        if shutil.which(self.program) is None and not Path("/usr/sbin", self.program).exists():
            raise ProxyMissing(f"there is no {self.program}: apt-get install {self.program}")
        folder = Path(tempfile.mkdtemp(prefix=f"{self.program}-"))
        folder.chmod(0o755)  # for the user that the program becomes
        self.folder = folder
        super().__init__(folder)
        self._other_reservation = reserve_port()
        self.http_port: int = self._other_reservation.getsockname()[1]
        self.certificate = folder / "fullchain.pem"
        self._key = folder / "privkey.pem"
        self._names = [urlsplit(target).netloc for target in targets]
        certify(self.certificate, self._key)

    @property
    def address(self) -> str:
        """`https://127.0.0.1:PORT`."""
        return self.url

    @property
    def url(self) -> str:
        """`https://127.0.0.1:PORT`."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def trust(self) -> ssl.SSLContext:
        """What a client of the standard library or httpx verifies the certificate by."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def answers(self) -> bool:
        """Tell whether a process answers through it."""
        try:
            return httpx.get(f"{self.url}/healthz", verify=self.trust, timeout=1).status_code == 200
        except httpx.HTTPError:
            return False

    @abstractmethod
    def requests(self) -> list[str]:
        """Return the lines of its log, one for each request that has ended."""

    @abstractmethod
    def logs(self) -> str:
        """Return all that it has written to any log."""

    @abstractmethod
    def went_to(self, process: int, line: str) -> bool:
        """Tell whether the request of a line went to that of the processes, among others."""

    def remove(self) -> None:
        """Stop it, and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder)

    def _substituted(self, text: str) -> str:
        for as_written, here in zip(PROCESSES, self._names, strict=True):
            assert as_written in text
            text = text.replace(as_written, here)
        return text


class Nginx(Proxy):
    """nginx with `deploy/nginx`.

    Args:
        targets: The URLs of the processes.
        changes: Texts of the files that are others here, to see what becomes of that.
    """

    name = program = "nginx"

    def __init__(self, targets: Sequence[str], changes: Mapping[str, str] | None = None) -> None:
        super().__init__(targets)
        self._changes = dict(changes or {})

    def command(self) -> list[str]:
        """Write the files, and return the command line."""
        etc = self.folder / "etc"
        (etc / "conf.d").mkdir(parents=True, exist_ok=True)
        for name in ("log", "lib"):
            (self.folder / name).mkdir(exist_ok=True, mode=0o755)
        shutil.copy("/etc/nginx/mime.types", etc)
        for source in [DEPLOY / "nginx/nginx.conf", *(DEPLOY / "nginx/conf.d").glob("*.conf")]:
            text = source.read_text()
            if "upstream" in source.name:
                text = self._substituted(text)
            for path, here in {
                "/etc/nginx": etc,
                "/var/log/nginx": self.folder / "log",
                "/var/lib/nginx": self.folder / "lib",
                "/run/nginx.pid": self.folder / "nginx.pid",
                "/etc/ssl/chozoi-chat": self.folder,
            }.items():
                text = text.replace(path, str(here))
            text = re.sub(r"(listen (?:\[::\]:)?)80\b", rf"\g<1>{self.http_port}", text)
            text = re.sub(r"(listen (?:\[::\]:)?)443\b", rf"\g<1>{self.port}", text)
            if source.name == "chozoi-chat.conf":
                for line, other in self._changes.items():
                    assert line in text
                    text = text.replace(line, other)
            (etc / source.relative_to(DEPLOY / "nginx")).write_text(text)
        # The log that is open before the file is read is stderr, as Debian built it.
        return ["nginx", "-c", str(etc / "nginx.conf"), "-g", "daemon off;"]

    def requests(self) -> list[str]:
        return (self.folder / "log/chozoi-chat.access.log").read_text().splitlines()

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in [*(self.folder / "log").iterdir(), self.log])

    def went_to(self, process: int, line: str) -> bool:
        return self._names[process] in line


class HAProxy(Proxy):
    """HAProxy with `deploy/haproxy`."""

    name = program = "haproxy"

    def command(self) -> list[str]:
        """Write the files, and return the command line."""
        pem = self.folder / "haproxy.pem"
        pem.write_text(self.certificate.read_text() + self._key.read_text())
        text = self._substituted((DEPLOY / "haproxy/haproxy.cfg").read_text())
        text = text.replace("/etc/ssl/chozoi-chat/haproxy.pem", str(pem))
        text = text.replace("log /dev/log local0", "log stdout format raw local0")
        text = re.sub(r"(bind (?:\[::\])?:)80\b", rf"\g<1>{self.http_port}", text)
        text = re.sub(r"(bind (?:\[::\])?:)443\b", rf"\g<1>{self.port}", text)
        if os.geteuid() != 0:
            text = re.sub(r"^ +(user|group) haproxy\n", "", text, flags=re.MULTILINE)
        configuration = self.folder / "haproxy.cfg"
        configuration.write_text(text)
        return ["/usr/sbin/haproxy", "-db", "-f", str(configuration)]

    def requests(self) -> list[str]:
        return [line for line in self.logs().splitlines() if re.match(r"[\d.:]+ \[", line)]

    def logs(self) -> str:
        return self.log.read_text()

    def went_to(self, process: int, line: str) -> bool:
        return ("/first ", "/second ")[process] in line


def certify(certificate: Path, key: Path) -> None:
    """Write a certificate for this machine that signs itself, and its key."""
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), *(x509.IPAddress(ip_address(each)) for each in ("127.0.0.1", "::1"))]
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(secret, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
