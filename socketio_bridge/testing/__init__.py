"""Testing a project's namespaces: clients in process, what was emitted, a live server. `fixtures` is for pytest."""

from socketio_bridge.testing.communicator import Disconnected, SocketIOCommunicator
from socketio_bridge.testing.emissions import Emissions, record_emissions
from socketio_bridge.testing.live_server import LiveServer, session_headers

__all__ = ["Disconnected", "Emissions", "LiveServer", "SocketIOCommunicator", "record_emissions", "session_headers"]
