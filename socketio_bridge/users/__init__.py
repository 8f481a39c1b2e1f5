"""Users of Django: what they may do, and who may not be in any more."""
