"""Signals of the chat, for whoever measures it (Django's documentation, "Signals"). Receivers must be quick."""

from django.dispatch import Signal

batch_written = Signal()
"""A batch of messages was stored and announced, or failed.

Args:
    drafts: The messages of it.
    waited: Seconds for which the first of them had waited for the batch before.
    seconds: How long the batch took.
    storing: How long of that it took to store; the rest is announcing.
"""

draft_submitted = Signal()
"""A message waits for a batch from now on, in the task of whoever sends it.

Args:
    draft: The message, the same object as in `batch_written`.
"""

request_refused = Signal()
"""A call of the REST API, or a sign-in of a socket, was refused. Events that are refused are told by the bridge.

Args:
    door: "rest" or "connect".
    code: The code that the client gets.
"""

limit_reached = Signal()
"""Something was refused because there was too much of it.

Args:
    limit: Which limit: the setting that sets it, or a name where none does.
"""
