"""The small process that keeps a local service: it owns the socket, the log and the workers.

Standard library only. ``python -m mlmagic.scoring.supervisor STATE_DIR``.
"""
