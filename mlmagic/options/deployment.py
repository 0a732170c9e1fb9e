"""The options of a deployment, and their keys in configuration files."""

from __future__ import annotations

from mlmagic.options.option import Option
from mlmagic.options.values import auth_of, gigabytes, target_of

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

_INFERENCE = (
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
        name="inference_config",
        flags=("--ic", "--inference-config", "--inference-config-file"),
        help="an inference configuration: a file, or a name kept by %%inference_config",
        metavar="NAME|FILE",
        complete="configuration",
    ),
)

_PLACE = (
    Option(
        name="deployment_config",
        flags=("--dc", "--deployment-config", "--deploy-config-file"),
        help="a deployment configuration: a file, or a name kept by %%deployment_config",
        metavar="NAME|FILE",
        complete="configuration",
    ),
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
        help="CPUs, such as '2' or '500m'; unlimited where it is left out",
        kind="quantity",
        section="deployment",
        key="cpu",
        v1_key="containerResourceRequirements.cpu",
    ),
    Option(
        name="memory",
        flags=("--memory",),
        help="memory, such as '512Mi' or '1G'; unlimited where it is left out",
        kind="quantity",
        section="deployment",
        key="memory",
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
    ),
    Option(
        name="workers",
        flags=("--workers", "--nr", "--num-replicas"),
        help="worker processes (default 1)",
        kind="integer",
        minimum=1,
        section="deployment",
        key="workers",
        v1_key="numReplicas",
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
        name="sample",
        flags=("--sample",),
        help="test body, scored before the service is Healthy; default: the model's sample",
        kind="sample",
        complete="variable",
    ),
    Option(name="tags", flags=("--tag",), help="a tag; may be repeated", kind="pair"),
    Option(name="description", flags=("--description",), help="what it is, in words"),
)

_FLOW = (
    Option(
        name="overwrite",
        flags=("--overwrite",),
        help="replace a service of that name on another target",
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
    ),
)

DEPLOY = (*SERVICE, MODELS, *_INFERENCE, *_PLACE, *_SIZE, *_RECORD, *_FLOW)
UPDATE = tuple(option for option in DEPLOY if option.name != "overwrite")
