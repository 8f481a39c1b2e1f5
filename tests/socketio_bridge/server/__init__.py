"""A server with namespaces, as its clients see it. Frames are written out, so that the wire is what is tested."""
