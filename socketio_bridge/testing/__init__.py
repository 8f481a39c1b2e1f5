"""Testing namespaces without a server or a network: a Socket.IO client of either generation, in process."""

from socketio_bridge.testing.communicator import Disconnected, SocketIOCommunicator

__all__ = ["Disconnected", "SocketIOCommunicator"]
