"""An event's arguments and acknowledgement by the types that its handler or its declaration names."""
