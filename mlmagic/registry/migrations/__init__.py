"""Steps that bring a catalogue of any earlier version to the present one (alembic)."""
