"""Measures this server beside python-socketio, on one machine and in one run (`make bench`)."""
