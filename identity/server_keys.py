"""Secrets that the server makes for itself: Django's SECRET_KEY, the key that signs its tokens."""

import os
import secrets
from pathlib import Path

from django.utils.crypto import salted_hmac

from identity.configuration import IdentitySettings

KEY_BYTES = 48


def key_in(directory: Path, name: str) -> str:
    """Return a secret that is kept in a file, and make it the first time: 64 random characters, mode 0600.

    Several processes may call this at once, also the first time: all get the same key, and none reads half of one.

    Args:
        directory: Where the file is. It is made if it is missing.
        name: The file's name.

    Raises:
        OSError: The directory cannot be written.
        ValueError: The file holds fewer than 32 characters.
    """
    path = directory / name
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = directory / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # unlike rename, it leaves the key of a faster process alone
        except FileExistsError:
            pass
    finally:
        draft.unlink()
    return _read(path)


def server_key(name: str) -> str:
    """Return this server's secret `name`: as `key_in` keeps it in DATA_DIR, or without that made from `SECRET_KEY`."""
    directory = IdentitySettings.current().DATA_DIR
    return key_in(Path(directory), name) if directory else salted_hmac(name, b"", algorithm="sha256").hexdigest()


def _read(path: Path) -> str:
    key = path.read_text().strip()
    if len(key) < 32:
        raise ValueError(
            f"{path} holds {len(key)} characters; a key has at least 32. Delete the file to get a new key."
        )
    return key
