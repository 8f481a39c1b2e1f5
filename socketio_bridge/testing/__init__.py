"""Testing namespaces: a Socket.IO client in process, of either generation, without a server or a network."""

from socketio_bridge.testing.communicator import Disconnected, SocketIOCommunicator

__all__ = ["Disconnected", "SocketIOCommunicator"]
