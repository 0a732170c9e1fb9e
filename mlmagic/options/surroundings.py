"""The verbs of scripts, environments, configurations, workspaces and runs."""

from __future__ import annotations

from mlmagic.options.deployment import (
    ALLOW,
    DEPLOYMENT_CONFIG,
    ENVIRONMENT,
    INFERENCE_CONFIG,
    MODELS,
    SOURCE_DIRECTORY,
)
from mlmagic.options.option import Option
from mlmagic.options.verb import Verb

_SHELLS = ("bash", "zsh", "fish")
_EXPAND = Option(
    name="expand",
    flags=("--expand",),
    help="replace '{expression}' in the cell's text",
    kind="flag",
)


def _name(what: str, metavar: str = "NAME", complete: str | None = None) -> Option:
    return Option(name="name", help=what, metavar=metavar, required=True, complete=complete)


SCORE_SCRIPT = Verb(
    path=("score_script",),
    method="capture_script",
    magic="%%score_script",
    shell=False,
    help="Write the cell as an entry script, check that it is self-contained, and try it.",
    result="ScriptReport",
    progress=True,
    options=(
        Option(
            name="file",
            help="the file to write (default score.py)",
            kind="path",
            metavar="FILE",
            complete="path",
        ),
        MODELS,
        ENVIRONMENT,
        Option(
            name="test",
            flags=("--test",),
            help="body to score in the trial: a variable, '@FILE' or JSON; default: the sample",
            kind="sample",
            metavar="JSON",
            complete="variable",
        ),
        Option(
            name="trial",
            flags=("--no-trial",),
            help="only write and check the script",
            kind="flag",
            value=False,
        ),
        SOURCE_DIRECTORY,
        ALLOW,
        Option(
            name="last",
            flags=("--last",),
            help="take the last cell that begins with '# mlmagic: score_script'",
            kind="flag",
        ),
    ),
    examples=("score_script score.py --model diabetes",),
)


def _configuration(kind: str, words: str) -> Verb:
    return Verb(
        path=(f"{kind}_config",),
        method="keep_configuration",
        magic=f"%%{kind}_config",
        shell=False,
        help=f"Keep the cell (JSON or YAML) as {words} configuration, under a name or as a file.",
        result="the configuration",
        options=(_name("a name, or a file to write", "NAME|FILE", "configuration"), _EXPAND),
        examples=(f"{kind}_config {kind[0]}c",),
    )


CELL_VERBS = (
    SCORE_SCRIPT,
    Verb(
        path=("environment",),
        method="define_environment",
        magic="%%environment",
        shell=False,
        help="Keep the cell (requirements lines, or conda YAML) as an environment.",
        result="Environment",
        options=(_name("its name", complete="environment"), _EXPAND),
        examples=("environment forest",),
    ),
    _configuration("inference", "an inference"),
    _configuration("deployment", "a deployment"),
)

_NAMED_ENVIRONMENT = Option(
    name="name",
    flags=("-n", "--name"),
    help="the environment",
    required=True,
    complete="environment",
)
_DIRECTORY = Option(
    name="directory",
    flags=("-d", "--directory"),
    help="the folder (default: the current one)",
    kind="path",
    metavar="DIR",
    complete="path",
)

ENVIRONMENT_VERBS = (
    Verb(
        path=("environment", "list"),
        aliases=(("environments",),),
        method="list_environments",
        help="List environments, the curated ones too, and what uses them.",
        result="list of environments",
        options=(
            Option(
                name="name",
                flags=("-n", "--name"),
                help="only this one",
                complete="environment",
            ),
        ),
        examples=("environment list",),
    ),
    Verb(
        path=("environment", "show"),
        method="show_environment",
        help="Show an environment and its packages.",
        result="Environment",
        options=(
            _name("the environment", complete="environment"),
            Option(name="name", flags=("-n", "--name"), help="the same", complete="environment"),
            Option(
                name="name",
                flags=("-v", "--version"),
                help="version of a registered one",
                kind="version",
                metavar="VERSION",
            ),
        ),
        examples=("environment show minimal",),
    ),
    Verb(
        path=("environment", "clone"),
        method="clone_environment",
        help="Copy an environment under another name, to change it.",
        result="Environment",
        options=(
            _name("the environment", complete="environment"),
            Option(name="new_name", help="name of the copy", metavar="NEW", required=True),
            Option(
                name="add",
                flags=("--add",),
                help="a requirement to add; may be repeated",
                repeat=True,
                metavar="REQUIREMENT",
            ),
        ),
        examples=("environment clone scikit-learn mine --add 'pandas>=2'",),
    ),
    Verb(
        path=("environment", "scaffold"),
        method="scaffold_environment",
        help="Write the files of a new environment, in Azure ML v1's layout.",
        result="the folder",
        options=(_NAMED_ENVIRONMENT, _DIRECTORY),
        examples=("environment scaffold -n mine -d mine-env",),
    ),
    Verb(
        path=("environment", "register"),
        method="register_environment",
        help="Register the environment that lies in a folder in Azure ML v1's layout.",
        result="the environment, with its version",
        options=(_DIRECTORY,),
        examples=("environment register -d mine-env",),
    ),
    Verb(
        path=("environment", "download"),
        method="download_environment",
        help="Write the files of a registered environment, in Azure ML v1's layout.",
        result="the folder",
        options=(
            _NAMED_ENVIRONMENT,
            _DIRECTORY,
            Option(
                name="version", flags=("-v", "--version"), help="its version (default: the newest)"
            ),
            Option(name="overwrite", flags=("--overwrite",), help="replace files", kind="flag"),
        ),
        examples=("environment download -n mine -d copy",),
    ),
    Verb(
        path=("environment", "prune"),
        method="prune_environments",
        help="Delete realised environments that no service and no script uses.",
        result="PruneReport",
        options=(
            Option(
                name="dry_run", flags=("--dry-run",), help="only say what would go", kind="flag"
            ),
        ),
        examples=("environment prune --dry-run",),
    ),
)

CONFIGURATION_VERBS = (
    Verb(
        path=("config",),
        aliases=(("settings",), ("config", "settings")),
        method="show_settings",
        help="Show every setting, its value and where it comes from.",
        result="settings",
        examines=True,
        examples=("config",),
    ),
    Verb(
        path=("config", "list"),
        method="list_configurations",
        help="List the inference and deployment configurations kept in the workspace.",
        result="list of configurations",
        examples=("config list",),
    ),
    Verb(
        path=("config", "show"),
        method="show_configuration",
        help="Show a configuration.",
        result="the configuration",
        options=(_name("the configuration", complete="configuration"),),
        examples=("config show ic",),
    ),
    Verb(
        path=("config", "convert"),
        method="convert_configurations",
        help="Show the %deploy line and the mlmagic.toml that say what configuration files say.",
        result="the line and the settings",
        options=(
            INFERENCE_CONFIG,
            DEPLOYMENT_CONFIG,
            Option(
                name="name",
                flags=("-n", "--name"),
                help="the service's name on the line",
                metavar="SERVICE",
            ),
        ),
        examples=("config convert --ic inferenceconfig.json --dc deploymentconfig.json",),
    ),
)

WORKSPACE_VERBS = (
    Verb(
        path=("workspace", "show"),
        aliases=(("workspace",),),
        method="show_workspace",
        help="Show the workspace in use.",
        result="what the workspace holds",
        examples=("workspace show",),
    ),
    Verb(
        path=("workspace", "list"),
        method="list_workspaces",
        help="List this workspace and those in the folders around it.",
        result="list of workspaces",
        examples=("workspace list",),
    ),
    Verb(
        path=("workspace", "create"),
        method="create",
        owner="class",
        help="Make a folder a workspace.",
        result="Workspace",
        done="workspace '{result.name}' in '{result.root}'",
        options=(
            Option(
                name="path",
                help="the folder (default: the current one)",
                kind="path",
                metavar="DIR",
                complete="path",
            ),
            Option(
                name="name",
                flags=("-n", "-w", "--name"),
                help="the workspace's name (default: the folder's)",
            ),
        ),
        examples=("workspace create demo",),
    ),
    Verb(
        path=("folder", "attach"),
        method="attach_folder",
        owner="class",
        help="Make a folder a workspace, with the configuration file that Azure ML v1 wrote.",
        result="Workspace",
        done="workspace '{result.name}' in '{result.root}'",
        options=(
            Option(
                name="path",
                flags=("--path",),
                help="the folder (default: the current one)",
                kind="path",
                metavar="DIR",
                complete="path",
            ),
            Option(
                name="name",
                flags=("-w", "--workspace-name"),
                help="the workspace's name (default: the folder's)",
            ),
            Option(
                name="resource_group", flags=("-g", "--resource-group"), help="kept in the file"
            ),
            Option(name="subscription_id", flags=("--subscription-id",), help="likewise"),
            Option(name="experiment", flags=("-e", "--experiment-name"), help="not needed here"),
        ),
        examples=("folder attach -w demo -g mygroup",),
    ),
    Verb(
        path=("doctor",),
        method="doctor",
        help="Check what this machine has, and say what to do about what is missing.",
        result="DoctorReport",
        examines=True,
        examples=("doctor",),
    ),
)

SHELL_VERBS = (
    Verb(
        path=("alias", "az"),
        method="alias",
        owner="shell",
        help="Print a function for a shell: 'az ml' becomes mlmagic, other groups of az stay.",
        result="the function",
        options=(
            Option(
                name="shell",
                flags=("--shell",),
                help="the shell (default bash, whose function zsh takes as well)",
                kind="choice",
                choices=_SHELLS,
            ),
        ),
        examples=("alias az", "alias az --shell fish"),
    ),
    Verb(
        path=("completion",),
        method="completion",
        owner="shell",
        help="Print what makes the tab key of a shell know verbs, options and names.",
        result="the script",
        options=(
            Option(name="shell", help="the shell", kind="choice", choices=_SHELLS, required=True),
        ),
        examples=("completion bash", "completion zsh", "completion fish"),
    ),
)
