"""The verbs of services."""

from __future__ import annotations

from mlmagic.options.deployment import DEPLOY, SERVICE, UPDATE
from mlmagic.options.labels import LABEL_CHANGES, PROPERTY_FILTER, TAG_FILTER
from mlmagic.options.option import Option
from mlmagic.options.verb import Verb

DEPLOY_VERB = Verb(
    path=("deploy",),
    aliases=(("model", "deploy"),),
    method="deploy",
    magic="%deploy",
    help="Make a service of models and an entry script, or update the service of that name (in a "
    "shell: --overwrite).",
    result="Webservice, or Plan with --plan",
    options=DEPLOY,
    progress=True,
    examples=(
        "deploy diabetes-svc --model diabetes --script score.py",
        "deploy diabetes-svc -m diabetes:1 --ic inferenceconfig.json --dc deploymentconfig.json",
        "deploy diabetes-svc --model diabetes --script score.py --plan",
    ),
)


def _simple(word: str, method: str, text: str) -> Verb:
    return Verb(
        path=("service", word),
        method=method,
        help=text,
        options=SERVICE,
        result="Webservice",
        examples=(f"service {word} diabetes-svc",),
    )


SERVICE_VERBS = (
    DEPLOY_VERB,
    Verb(
        path=("service", "list"),
        aliases=(("services",),),
        method="list_services",
        help="List the services and their states.",
        result="list of Webservice",
        options=(
            Option(
                name="compute_type",
                flags=("-c", "--compute-type"),
                help="only those on this kind of target: local, docker or aci, kubernetes or aks",
                metavar="TYPE",
            ),
            Option(
                name="model_name",
                flags=("--model-name",),
                help="only those that serve a version of this model",
                metavar="NAME",
                complete="model-name",
            ),
            Option(
                name="model_id",
                flags=("--model-id",),
                help="only those that serve this version, 'NAME:VERSION'",
                metavar="MODEL",
                complete="model",
            ),
            TAG_FILTER,
            PROPERTY_FILTER,
        ),
        examples=("service list -o json", "service list --model-name diabetes --tag area=demo"),
    ),
    _simple("show", "show_service", "Show a service: state, reason, URI, replicas."),
    Verb(
        path=("service", "attach"),
        method="attach_service",
        help="Take up a service that another machine deployed to a shared target.",
        result="Webservice",
        options=(
            *SERVICE,
            Option(
                name="target",
                flags=("--target", "--ct", "--compute-target"),
                help="where it runs",
                required=True,
                complete="target",
            ),
            Option(
                name="dns_name_label",
                flags=("--dns-name-label", "--dn"),
                help="its container, where several workspaces have a service of the name",
                metavar="LABEL",
            ),
        ),
        examples=("service attach diabetes-svc --target docker",),
    ),
    Verb(
        path=("service", "logs"),
        aliases=(("service", "get-logs"), ("logs",)),
        method="service_logs",
        help="Show the last lines of a service's log, and with --follow what comes.",
        result="str; with --follow, lines as they come",
        options=(
            *SERVICE,
            Option(
                name="tail",
                flags=("--tail", "-l", "--num_lines"),
                help="how many lines (default 100)",
                kind="integer",
                minimum=1,
            ),
            Option(
                name="follow",
                flags=("--follow", "-f"),
                help="go on with what is written, until Ctrl-C or the service is deleted",
                kind="flag",
            ),
            Option(
                name="timeout",
                flags=("--timeout",),
                help="seconds after which following ends",
                kind="number",
            ),
        ),
        examples=("service logs diabetes-svc --tail 20", "service logs diabetes-svc --follow"),
    ),
    Verb(
        path=("service", "events"),
        method="service_events",
        help="Show what happened to a service: deployments, crashes, what a cluster says.",
        result="str",
        options=SERVICE,
        examples=("service events diabetes-svc",),
    ),
    Verb(
        path=("service", "export"),
        method="export_service",
        help="Show the objects of a service in a cluster as YAML, for GitOps.",
        result="str",
        options=SERVICE,
        examples=("service export diabetes-svc",),
    ),
    Verb(
        path=("service", "scale"),
        method="scale_service",
        help="Change how many replicas a service has.",
        result="Webservice",
        progress=True,
        options=(
            *SERVICE,
            Option(
                name="replicas",
                flags=("--replicas", "--nr", "--num-replicas"),
                help="how many",
                kind="integer",
                minimum=1,
                required=True,
            ),
        ),
        examples=("service scale diabetes-svc --replicas 3",),
    ),
    Verb(
        path=("service", "run"),
        method="run_service",
        help="Send one request to a service and show the answer.",
        result="the answer",
        options=(
            *SERVICE,
            Option(
                name="data",
                flags=("-d", "--data", "--input-data"),
                help="the body: a variable, JSON, '@FILE' or '-' (stdin); default: the sample",
                kind="body",
                metavar="BODY",
                complete="variable",
            ),
        ),
        examples=(
            "service run diabetes-svc -d @sample.json",
            "service run diabetes-svc -d '{\"data\": [[1, 2]]}'",
        ),
    ),
    Verb(
        path=("service", "get-keys"),
        aliases=(("service", "keys"),),
        method="service_keys",
        help="Show the two keys of a service.",
        result="the two keys",
        options=SERVICE,
        examples=("service get-keys diabetes-svc",),
    ),
    Verb(
        path=("service", "regen-key"),
        method="regenerate_key",
        help="Make a new key; the other one keeps working.",
        result="None",
        done="{name}  the {key} key is new",
        options=(
            *SERVICE,
            Option(
                name="key",
                flags=("-k", "--key"),
                help="which key: 'Primary' or 'Secondary'",
                kind="choice",
                choices=("Primary", "Secondary"),
                required=True,
            ),
            Option(
                name="set_key",
                flags=("-s", "--set-key"),
                help="the new key, where it shall not be random",
            ),
        ),
        examples=("service regen-key diabetes-svc -k Primary",),
    ),
    Verb(
        path=("service", "update"),
        method="update_service",
        help="Change a service; what is not named stays as it is.",
        result="Webservice, or Plan with --plan",
        options=(*UPDATE, *LABEL_CHANGES),
        progress=True,
        examples=(
            "service update diabetes-svc --model diabetes:2",
            "service update diabetes-svc --add-tag stage=production",
        ),
    ),
    Verb(
        path=("service", "reload"),
        method="reload_service",
        help="Take the entry script anew from where it lay.",
        result="Webservice",
        options=SERVICE,
        examples=("service reload diabetes-svc",),
    ),
    Verb(
        path=("service", "rollback"),
        method="rollback_service",
        help="Go back to an earlier revision.",
        result="Webservice",
        options=(
            *SERVICE,
            Option(
                name="to",
                flags=("--to",),
                help="number of the revision (default: the one before)",
                kind="integer",
                minimum=1,
                metavar="REVISION",
            ),
        ),
        examples=("service rollback diabetes-svc", "service rollback diabetes-svc --to 1"),
    ),
    _simple("stop", "stop_service", "Stop a service; its record stays."),
    _simple("start", "start_service", "Start a service that was stopped."),
    _simple("restart", "restart_service", "Restart a service's workers without losing a request."),
    Verb(
        path=("service", "delete"),
        method="delete_service",
        help="Delete a service with its keys, logs and revisions.",
        result="its name",
        done="{name}  deleted",
        options=SERVICE,
        examples=("service delete diabetes-svc",),
    ),
)
