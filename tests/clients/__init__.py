"""The clients of real apps, for tests: socket.io-client 2.3.1, 3.1.3 and 4.8, and bare WebSockets for bad input."""
