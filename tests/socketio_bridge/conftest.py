"""What tests of the bridge must not leave to one another."""

import channels.db
import pytest

_close_old_connections = channels.db.close_old_connections


@pytest.fixture(autouse=True)
def _channels_own_patch_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Channels' communicators patch this during each call; calls of several clients that overlap undo it in the wrong
    order, and leave it patched.
    """
    monkeypatch.setattr(channels.db, "close_old_connections", _close_old_connections)
