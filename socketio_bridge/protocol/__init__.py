"""Engine.IO 3 and 4 and Socket.IO 4 and 5 without I/O: packets, payloads, attachments, what may come in which state.

Nothing here awaits, reads a clock, or imports anything of this project from outside this folder. From the bottom up:
`attachments`, `packet` and `engineio`; `msgpack` on `packet`; `payload` on `engineio`; `socketio` on all of them.
"""


class ProtocolError(Exception):
    """The peer broke the Engine.IO or the Socket.IO protocol.

    The message says what came and what the protocol allows. The connection ends; handlers see the reason "parse error".
    """
