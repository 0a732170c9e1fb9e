"""The options of a deployment, and their keys in configuration files."""

from __future__ import annotations

from dataclasses import replace

from mlmagic.options.cluster import CLUSTER
from mlmagic.options.option import Option, in_group
from mlmagic.options.values import auth_of, gigabytes, model_of_metadata, target_of

SERVICE = (
    Option(name="name", help="the service", metavar="SERVICE", required=True, complete="service"),
    Option(name="name", flags=("-n", "--name"), help="the service", complete="service"),
)

MODELS = Option(
    name="models",
    flags=("-m", "--model"),
    help="a registered model, 'NAME' (the newest) or 'NAME:VERSION', or an unregistered file",
    repeat=True,
    metavar="MODEL",
    complete="model",
)

MODEL_METADATA = Option(
    name="models",
    flags=("-f", "--model-metadata-file"),
    help="the same, by v1's metadata file (JSON with 'modelId')",
    repeat=True,
    metavar="FILE",
    complete="path",
    convert=model_of_metadata,
)

ENVIRONMENT = Option(
    name="environment",
    flags=("-e", "--environment", "--environment-name"),
    help="a named environment, or a file that defines one; found by itself where it is left out",
    complete="environment",
    section="inference",
    key="environment",
    v1_key="environment",
)

SOURCE_DIRECTORY = Option(
    name="source_directory",
    flags=("--source-dir", "--sd", "--source-directory"),
    help="folder that travels whole; without it the script and what it imports travel",
    kind="path",
    metavar="DIR",
    complete="path",
    section="inference",
    key="source_directory",
    v1_key="sourceDirectory",
)

ALLOW = Option(
    name="allow",
    flags=("--allow",),
    help="a file that looks like a secret and may travel all the same; may be repeated",
    repeat=True,
    metavar="FILE",
)

INFERENCE_CONFIG = Option(
    name="inference_config",
    flags=("--ic", "--inference-config", "--inference-config-file"),
    help="an inference configuration: a file, or a name kept by %%inference_config",
    metavar="NAME|FILE",
    complete="configuration",
)

DEPLOYMENT_CONFIG = Option(
    name="deployment_config",
    flags=("--dc", "--deployment-config", "--deploy-config-file"),
    help="a deployment configuration: a file, or a name kept by %%deployment_config",
    metavar="NAME|FILE",
    complete="configuration",
)

INFERENCE = (
    Option(
        name="script",
        flags=("--script", "--es", "--entry-script"),
        help="the entry script, relative to the source directory where one is given",
        kind="path",
        metavar="FILE",
        complete="script",
        section="inference",
        key="entry_script",
        v1_key="entryScript",
    ),
    SOURCE_DIRECTORY,
    ALLOW,
    ENVIRONMENT,
    Option(
        name="environment",
        flags=("--environment-version", "--ev"),
        help="version of a registered environment, where its name was given without",
        kind="version",
        metavar="VERSION",
    ),
    Option(
        name="environment",
        flags=("--environment-directory", "--ed"),
        help="folder that 'environment scaffold' or 'download' wrote",
        metavar="DIR",
        complete="path",
    ),
    INFERENCE_CONFIG,
)

_PLACE = (
    DEPLOYMENT_CONFIG,
    Option(
        name="target",
        flags=("--target", "--ct", "--compute-target"),
        help="where it runs",
        complete="target",
        section="deployment",
        key="target",
        v1_key="computeTargetName",
    ),
    Option(
        name="target",
        flags=("--cp", "--compute-type"),
        help="where it runs, in v1's words (local, aci, aks)",
        metavar="TYPE",
        section="deployment",
        v1_key="computeType",
        convert=target_of,
        yields=True,
    ),
    Option(
        name="port",
        flags=("--port", "--po"),
        help="port to listen on; without it a free one is chosen",
        kind="integer",
        minimum=1,
        maximum=65535,
        section="deployment",
        key="port",
        v1_key="port",
    ),
    Option(
        name="address",
        flags=("--address",),
        help="interface to listen on (default 127.0.0.1)",
        section="deployment",
        key="address",
    ),
    Option(
        name="auth",
        flags=("--auth",),
        help="whether callers need a key: 'key' (default) or 'none'",
        kind="choice",
        choices=("key", "none"),
        section="deployment",
        key="auth",
    ),
    Option(
        name="auth",
        flags=("--ae", "--auth-enabled"),
        help="the same in v1's words: true or false",
        kind="boolean",
        metavar="BOOL",
        section="deployment",
        key="auth_enabled",
        v1_key="authEnabled",
        convert=auth_of,
    ),
)

_SIZE = (
    Option(
        name="cpu",
        flags=("--cpu", "--cc", "--cpu-cores"),
        help="CPUs, such as '2' or '500m'; for clusters what is asked for, and after ':' the limit",
        kind="quantities",
        section="deployment",
        key="cpu",
        v1_key="containerResourceRequirements.cpu",
        unit="CPUs",
    ),
    Option(
        name="memory",
        flags=("--memory",),
        help="memory, such as '512Mi' or '1G'; for clusters also '512Mi:1Gi', with the limit",
        kind="quantities",
        section="deployment",
        key="memory",
        unit="bytes",
    ),
    Option(
        name="memory",
        flags=("--gb", "--memory-gb"),
        help="the same in v1's unit, gigabytes",
        kind="number",
        metavar="GB",
        section="deployment",
        key="memory_gb",
        v1_key="containerResourceRequirements.memoryInGB",
        convert=gigabytes,
        unit="GB",
    ),
    Option(
        name="workers",
        flags=("--workers",),
        help="worker processes (default 1)",
        kind="integer",
        minimum=1,
        section="deployment",
        key="workers",
    ),
    Option(
        name="threads",
        flags=("--threads", "--rm", "--replica-max-concurrent-requests"),
        help="requests a worker scores at a time; adapts where it is left out",
        kind="integer",
        minimum=1,
        section="deployment",
        key="threads",
        v1_key="maxConcurrentRequestsPerContainer",
    ),
    Option(
        name="scoring_timeout_ms",
        flags=("--tm", "--scoring-timeout-ms"),
        help="milliseconds until a request is given up (default 60000)",
        kind="integer",
        minimum=1,
        section="deployment",
        key="scoring_timeout_ms",
        v1_key="scoringTimeoutMs",
        unit="ms",
    ),
    Option(
        name="queue_wait_ms",
        flags=("--queue-wait-ms", "--mr", "--max-request-wait-time"),
        help="milliseconds that a request may wait for run(), then it gets 503 (default: no limit)",
        kind="integer",
        minimum=1,
        section="deployment",
        key="queue_wait_ms",
        v1_key="maxQueueWaitMs",
        unit="ms",
    ),
)

_CONTAINER = (
    Option(
        name="base_image",
        flags=("--base-image", "--bi"),
        help="image that the service's image is built on; default by the Python version",
        metavar="IMAGE",
        section="deployment",
        key="base_image",
        v1_key="baseImage",
    ),
    Option(
        name="base_dockerfile",
        flags=("--base-dockerfile",),
        help="a Dockerfile that the engine builds the base from, without files to copy from",
        metavar="FILE",
        section="deployment",
        key="base_dockerfile",
        complete="path",
    ),
    Option(
        name="standalone_python",
        flags=("--standalone-python",),
        help="a relocatable build of Python for a base image that has none",
        metavar="PATH-OR-URL#sha256=DIGEST",
        section="deployment",
        key="standalone_python",
    ),
    Option(
        name="networks",
        flags=("--network",),
        help="a network of the engine that the container joins; may be repeated",
        repeat=True,
        metavar="NETWORK",
        section="deployment",
        key="networks",
    ),
    Option(
        name="dns_name_label",
        flags=("--dns-name-label", "--dn"),
        help="name of the container, and its alias in the networks",
        metavar="LABEL",
        section="deployment",
        key="dns_name_label",
        v1_key="dnsNameLabel",
    ),
    Option(
        name="restart",
        flags=("--restart",),
        help="the engine's restart policy (default unless-stopped)",
        kind="choice",
        choices=("unless-stopped", "always", "on-failure", "no"),
        section="deployment",
        key="restart",
    ),
    Option(
        name="gpus",
        flags=("--gpus", "--gpu-cores", "--gc"),
        help="GPUs for the container: a number, or 'all'",
        section="deployment",
        key="gpus",
        v1_key="gpuCores",
    ),
    Option(
        name="volumes",
        flags=("--volume",),
        help="a mount of the container; may be repeated",
        repeat=True,
        metavar="SOURCE:TARGET[:ro]",
        section="deployment",
        key="volumes",
    ),
)

_RECORD = (
    Option(
        name="variables",
        flags=("--env", "--variable"),
        help="an environment variable of the service; may be repeated",
        kind="pair",
        section="deployment",
        key="variables",
        private=True,
    ),
    Option(
        name="secrets",
        flags=("--secret",),
        help="a secret, read from a file, for mlmagic.scoring.read_secret(NAME)",
        kind="pair",
        metavar="NAME=FILE",
        section="deployment",
        key="secrets",
    ),
    Option(
        name="primary_key",
        flags=("--primary-key", "--kp"),
        help="the first key, where it shall not be random",
        metavar="KEY",
        section="deployment",
        v1_key="keys.primaryKey",
        secret=True,
    ),
    Option(
        name="secondary_key",
        flags=("--secondary-key", "--ks"),
        help="the second key likewise",
        metavar="KEY",
        section="deployment",
        v1_key="keys.secondaryKey",
        secret=True,
    ),
    Option(
        name="collect_model_data",
        flags=("--collect-model-data", "--md"),
        help="whether the script's ModelDataCollector writes (AML_MODEL_DC_STORAGE_ENABLED)",
        kind="boolean",
        metavar="BOOL",
        section="deployment",
        v1_key="dataCollection.storageEnabled",
    ),
    Option(
        name="sample",
        flags=("--sample",),
        help="test body, scored before the service is Healthy; default: the model's sample",
        kind="sample",
        complete="variable",
    ),
    Option(name="tags", flags=("--tag",), help="a tag; may be repeated", kind="pair"),
    Option(
        name="properties", flags=("--property",), help="a property; may be repeated", kind="pair"
    ),
    Option(name="description", flags=("--description", "-d"), help="what it is, in words"),
)

_FLOW = (
    Option(
        name="overwrite",
        flags=("--overwrite",),
        help="replace a service of that name on another target; in a shell any but local ones",
        kind="flag",
    ),
    Option(
        name="plan", flags=("--plan",), help="show what would change and do nothing", kind="flag"
    ),
    Option(name="wait", flags=("--wait",), help="return when it is Healthy", kind="flag"),
    Option(
        name="wait",
        flags=("--no-wait",),
        help="return as soon as it is submitted",
        kind="flag",
        value=False,
    ),
    Option(
        name="timeout",
        flags=("--timeout",),
        help="seconds to wait at most (default 1200)",
        kind="number",
        metavar="SECONDS",
        unit="s",
    ),
)

DEPLOY = (
    SERVICE[0],
    replace(SERVICE[1], help="the service; a shell, and '%ml', can name it after the model"),
    *in_group("models and script", MODELS, MODEL_METADATA, *INFERENCE),
    *in_group("target", *_PLACE),
    *in_group("resources", *_SIZE),
    *in_group("image and container", *_CONTAINER),
    *CLUSTER,
    *in_group("variables, keys and notes", *_RECORD),
    *in_group("this deployment", *_FLOW),
)
UPDATE = (*SERVICE, *(option for option in DEPLOY if option.name not in ("name", "overwrite")))
