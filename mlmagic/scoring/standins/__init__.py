"""Modules of Azure ML v1 that entry scripts import, for environments without them."""
