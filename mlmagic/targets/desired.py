"""What the supervisor of a local service is told to run (``desired.json``)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlmagic.entities import LocalDeploymentConfig
from mlmagic.files import to_json, write_atomically
from mlmagic.targets.base import config_of
from mlmagic.targets.capacity import cpus, memory_bytes
from mlmagic.targets.placing import entry_script, model_directory
from mlmagic.targets.processes import python

if TYPE_CHECKING:
    from mlmagic.entities import DeploymentSpec
    from mlmagic.environments import Environments
    from mlmagic.targets.placing import RevisionFolder, ServiceFolder

STOP_GRACE_SECONDS = 30
# A service gets the same surroundings whoever deploys it: nothing of the kernel's but these.
_INHERITED = (
    *("HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"),
    *("SSL_CERT_DIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
)


def write_desired(
    service: ServiceFolder,
    generation: int,
    spec: DeploymentSpec,
    *,
    environments: Environments,
    port: int,
    start_timeout_seconds: float,
) -> None:
    """Write what shall run, readable by the user alone (it holds the variables)."""
    folder = service.revision(generation)
    config = config_of(spec, LocalDeploymentConfig)
    content = {
        "format": 1,
        "generation": generation,
        "prepare": _prepare(folder, spec, environments),
        "command": _command(service, folder, spec, environments),
        "environment": _environment(folder, spec, environments),
        "cwd": str(folder.app),
        "workers": config.workers,
        "address": config.address,
        "port": port,
        "memory_bytes": memory_bytes(config),
        "cpus": cpus(config),
        "start_timeout_seconds": start_timeout_seconds,
        "stop_grace_seconds": STOP_GRACE_SECONDS,
    }
    write_atomically(service.state / "desired.json", to_json(content), mode=0o600)


def _prepare(
    folder: RevisionFolder, spec: DeploymentSpec, environments: Environments
) -> list[str] | None:
    if environments.is_realised(spec.lock):
        return None
    return python(
        *("-m", "mlmagic.environments", "realise", str(folder.lock)),
        *("--cache", str(environments.cache)),
    )


def _command(
    service: ServiceFolder,
    folder: RevisionFolder,
    spec: DeploymentSpec,
    environments: Environments,
) -> list[str]:
    config = config_of(spec, LocalDeploymentConfig)
    command = [
        # -P: the app root may hold a folder 'mlmagic' too.
        *(str(environments.python(spec.lock)), "-P", "-m", "mlmagic.scoring"),
        *("--entry-script", entry_script(spec.source)),
        *("--app-root", str(folder.app)),
        *("--model-dir", model_directory(spec.models)),
        *("--service-name", spec.name),
        *("--address", config.address),
        *("--auth", config.auth),
        *("--scoring-timeout-ms", str(config.scoring_timeout_ms)),
    ]
    if config.auth == "key":
        command += ["--keys-file", str(service.keys)]
    if config.threads is not None:
        command += ["--threads", str(config.threads)]
    if config.queue_wait_ms is not None:
        command += ["--queue-wait-ms", str(config.queue_wait_ms)]
    if spec.sample is not None:
        command += ["--sample", str(folder.sample), "--sample-type", spec.sample.media_type]
    return command


def _environment(
    folder: RevisionFolder, spec: DeploymentSpec, environments: Environments
) -> dict[str, str]:
    """Return the whole environment of the workers; ours wins over the user's."""
    from mlmagic.environments.runtime import place_runtime

    inherited = {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or name.startswith("LC_")
    }
    paths = [str(place_runtime(environments.cache)), spec.variables.get("PYTHONPATH", "")]
    program = environments.python(spec.lock)
    search = spec.variables.get("PATH") or inherited.get("PATH") or os.defpath
    ours = {
        "PATH": f"{program.parent}{os.pathsep}{search}",
        "VIRTUAL_ENV": str(program.parent.parent),
        "AML_APP_ROOT": str(folder.app),
        "AZUREML_ENTRY_SCRIPT": entry_script(spec.source),
        "AZUREML_MODEL_DIR": model_directory(spec.models),
        "MLMAGIC_SECRETS_DIR": str(folder.secrets),
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "PYTHONUNBUFFERED": "1",
    }
    if spec.source.name:
        ours["AZUREML_SOURCE_DIRECTORY"] = spec.source.name
    return {**inherited, **spec.variables, **ours}
