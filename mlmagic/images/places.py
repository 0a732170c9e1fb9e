"""Where things lie in an image."""

from __future__ import annotations

OURS = "opt/mlmagic"
VENV = f"{OURS}/venv"
RUNTIME = f"{OURS}/runtime"
WHEELS = f"{OURS}/wheels"  # in bundles
APP_ROOT = "var/azureml-app"  # Azure ML v1's
SAMPLE = f"{OURS}/service/sample"
PORT = 5001  # Azure ML v1's
# Mounted by whoever runs the container.
KEYS_FILE = "/run/mlmagic/keys.json"
SECRETS_FOLDER = "/run/mlmagic/secrets"
PYTHON = f"/{VENV}/bin/python"
USER = "10001:0"
STANDALONE = "opt/python"  # where a base without Python gets one
