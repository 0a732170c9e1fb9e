"""What the SDK sends of services and models, asked of the real one and of ours.

``python payloads.py PREFIX`` prints JSON. Of the real SDK only what would reach the cloud is taken
away: what is sent is kept instead. Ours works in a workspace of the current folder.
"""

import contextlib
import importlib
import io
import json
import logging
import sys
import types
import warnings
from datetime import UTC, datetime

warnings.simplefilter("ignore")
WORDS = {
    "tags": {"a": "b"}, "properties": {"p": "q"}, "description": "d",
    "primary_key": "k1" * 8, "secondary_key": "k2" * 8,
}  # fmt: skip
SERVICES = [
    ("AciWebservice", {}),
    ("AciWebservice", {
        "cpu_cores": 1.5, "memory_gb": 2, "location": "x", "auth_enabled": True,
        "enable_app_insights": True, "collect_model_data": True, "dns_name_label": "dns", **WORDS,
    }),
    ("AksWebservice", {}),
    ("AksWebservice", {
        "autoscale_enabled": True, "autoscale_min_replicas": 1, "autoscale_max_replicas": 3,
        "autoscale_refresh_seconds": 5, "autoscale_target_utilization": 60,
        "collect_model_data": True, "auth_enabled": True, "cpu_cores": 1, "cpu_cores_limit": 2,
        "memory_gb": 1, "memory_gb_limit": 2, "enable_app_insights": True,
        "scoring_timeout_ms": 1000, "replica_max_concurrent_requests": 2,
        "max_request_wait_time": 300, "gpu_cores": 1, "period_seconds": 11,
        "initial_delay_seconds": 12, "timeout_seconds": 3, "success_threshold": 1,
        "failure_threshold": 4, "namespace": "ns", "blobfuse_enabled": True, **WORDS,
    }),
    ("AksWebservice", {
        "num_replicas": 2, "autoscale_enabled": False, "auth_enabled": False,
        "token_auth_enabled": True,
    }),
]  # fmt: skip
UPDATES = [
    {"scoring_timeout_ms": 1000, "replica_max_concurrent_requests": 2, "max_request_wait_time": 3},
    {"cpu_cores": 1, "cpu_cores_limit": 2, "memory_gb": 1, "memory_gb_limit": 2, "gpu_cores": 1},
    {"autoscale_enabled": True, "autoscale_min_replicas": 1, "autoscale_max_replicas": 3,
     "autoscale_refresh_seconds": 5, "autoscale_target_utilization": 60},
    {"autoscale_enabled": False, "num_replicas": 2, "namespace": "ns"},
    {"period_seconds": 11, "initial_delay_seconds": 12, "timeout_seconds": 3,
     "success_threshold": 1, "failure_threshold": 4},
    {"auth_enabled": False, "token_auth_enabled": True, "enable_app_insights": True,
     "collect_model_data": True},
]  # fmt: skip
REGISTERED = [
    {"tags": {"a": "1"}, "properties": {"p": "q"}, "description": "d"},
    {"model_framework": "ScikitLearn", "model_framework_version": "1.5"},
    {"model_framework": "Custom", "tags": {}},
    {"model_framework_version": "1.5"},
    {"tags": ["a"]},
    {"properties": "p"},
]
CHANGES = [
    ("update", {"tags": {}}),
    ("update", {"tags": {"b": "2", "c": "3"}, "description": "new"}),
    ("update", {"description": ""}),
    ("add_tags", {"tags": {"b": "4", "d": "5"}}),
    ("remove_tags", {"tags": ["c", "nosuch"]}),
    ("remove_tags", {"tags": "d"}),
    ("add_properties", {"properties": {"x": "y", "z": "1"}}),
    ("add_properties", {"properties": {"x": "2", "z": "3"}}),
    ("update_tags_properties", {"add_tags": {"e": "6"}, "remove_tags": ["b"]}),
    ("update_tags_properties", {}),
]

# The keys that services are serialized under: the referee's answer, and what ours must print.
SERIALIZED = {
    "ACI": [
        "appInsightsEnabled", "authEnabled", "cname", "computeType",
        "containerResourceRequirements", "createdBy", "createdTime", "description",
        "encryptionProperties", "environmentDetails", "error", "imageDetails", "imageDigest",
        "imageId", "location", "modelDetails", "name", "properties", "publicFqdn", "publicIp",
        "scoringUri", "sslCertificate", "sslEnabled", "sslKey", "state", "tags", "updatedTime",
        "vnetConfiguration", "workspaceName",
    ],
    "AKS": [
        "aadAuthEnabled", "appInsightsEnabled", "authEnabled", "autoScaler", "computeName",
        "computeType", "containerResourceRequirements", "createdBy", "createdTime",
        "dataCollection", "deploymentStatus", "description", "environmentDetails", "error",
        "imageDetails", "imageDigest", "imageId", "isDefault", "livenessProbeRequirements",
        "maxConcurrentRequestsPerContainer", "maxQueueWaitMs", "modelDetails", "name",
        "numReplicas", "properties", "scoringTimeoutMs", "scoringUri", "state", "tags",
        "trafficPercentile", "updatedTime", "versionType", "workspaceName",
    ],
}  # fmt: skip


def flat(content, before=""):
    """One level of keys, without those that say nothing."""
    found = {}
    for key, value in content.items():
        if isinstance(value, dict):
            found |= flat(value, f"{before}{key}.")
        elif value is not None:
            found[f"{before}{key}"] = value
    return found


def service_of(configuration):
    """What is sent when a service is created."""
    if hasattr(configuration, "_build_create_payload"):
        return flat(configuration._build_create_payload("svc", None))
    beside = {
        "kvTags": configuration.tags, "properties": configuration.properties,
        "description": configuration.description,
        "keys": {
            "primaryKey": configuration.primary_key, "secondaryKey": configuration.secondary_key
        },
    }  # fmt: skip
    told = {key: value for key, value in beside.items() if value is not None}
    return flat({**told, **configuration._to_keys(), "name": "svc"})


def attempt(call):
    """What a call prints, and what it raises."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        try:
            call()
        except Exception as error:  # its class is the answer
            return [type(error).__name__, getattr(error, "message", str(error))]
    return said.getvalue().splitlines()


def facts(model):
    """What a model says of itself, but for what each registry makes up."""
    told = model.serialize()
    told["framework"] = told["framework"] or "Custom"  # what the cloud made of none
    names = ("name", "framework", "frameworkVersion", "tags", "properties", "description")
    return {key: told[key] for key in (*names, "mimeType", "unpack")}


def patches(services):
    """What the real SDK sends when a service on AKS is updated, as a configuration's keys."""
    aks = importlib.import_module("azureml.core.webservice.aks")
    found = []

    def record(*_, json, **__):
        told = {each["path"][1:].replace("/", "."): each["value"] for each in json}
        found.append({key: told[key] for key in told if not key.startswith("properties")})
        raise InterruptedError

    aks.ClientBase = types.SimpleNamespace(_execute_func=record)
    services.Webservice._check_for_webservice = lambda *_: None
    for given in UPDATES:
        with contextlib.suppress(InterruptedError):
            real_service(services.AksWebservice, "AKS").update(**given)
    return found


class Nothing(dict):
    """A part of an answer in which every key is there, and says nothing."""

    def __contains__(self, key):
        return True

    def __missing__(self, key):
        return None


class Client:
    """Stands where the real SDK reaches the cloud: a model is what was sent of it."""

    def __init__(self, *_):
        pass

    def register_model(self, **sent):
        made = {
            "created_time": datetime.now(UTC), "created_by": None, "id": "m:1", "version": 1,
            "mime_type": "application/json", "parent_model_id": None, "derived_model_ids": None,
        }  # fmt: skip
        kept = {"kv_tags": sent["tags"] or {}, "properties": sent["properties"] or {}}
        return types.SimpleNamespace(**sent | made | kept)

    def patch(self, *_, **__):
        pass


def ask(prefix):
    """Everything, of the SDK below a prefix."""
    services = importlib.import_module(prefix + "azureml.core.webservice")
    models = importlib.import_module(prefix + "azureml.core.model")
    if prefix:
        core = importlib.import_module(prefix + "azureml.core")
        workspace = core.Workspace.create("ws")
        with open("m.txt", "w", encoding="utf-8") as stream:
            stream.write("m")

        def register(**given):
            return models.Model.register(workspace, "m.txt", "m", **given)
    else:
        models.ModelsClient, models._get_mms_url = Client, lambda _: "http://nowhere"

        def register(**given):
            workspace = types.SimpleNamespace(service_context=None, _auth_object=None)
            return models.Model._register_with_asset(workspace, "m", "asset", **given)

    registered, changed, made = [], [], []
    for given in REGISTERED:
        failed = attempt(lambda g=given: made.append(register(**g)))
        registered.append(failed if len(failed) > 1 else facts(made[-1]))
    model = register(tags={"a": "1"}, properties={"p": "q"})
    for method, given in CHANGES:
        said = attempt(lambda m=method, g=given: getattr(model, m)(**g))
        now = [model.tags, model.properties, model.description]
        changed.append(json.loads(json.dumps([method, given, said, *now])))
    return {
        "services": [
            service_of(getattr(services, name).deploy_configuration(**given))
            for name, given in SERVICES
        ],
        "registered": registered,
        "changed": changed,
        "model": sorted(model.serialize()),
        "serialized": {} if prefix else serialized(services),
        "updates": (
            [flat(services.aks.changed_keys(given)) for given in UPDATES]
            if prefix
            else patches(services)
        ),
    }


def real_service(kind, word):
    """A service of the real SDK, of which nothing is known."""
    aks = importlib.import_module("azureml.core.webservice.aks")
    aci = importlib.import_module("azureml.core.webservice.aci")
    base = importlib.import_module("azureml.core.webservice.webservice")
    sign_in = types.SimpleNamespace(get_authentication_header=dict)
    workspace = types.SimpleNamespace(_auth_object=sign_in, name="ws")
    base._get_mms_url = aks._get_mms_url = aci._get_mms_url = lambda _: "http://nowhere"
    told = {"name": "svc", "createdTime": "2020-01-01T00:00:00Z"}
    parts = ("autoScaler", "containerResourceRequirements", "dataCollection")
    told |= {part: Nothing() for part in parts}
    payload = {**dict.fromkeys(kind._expected_payload_keys), **told, "computeType": word}
    return kind.deserialize(workspace, payload)


def serialized(services):
    """The keys that the real SDK's services are serialized under."""
    kinds = {"ACI": services.AciWebservice, "AKS": services.AksWebservice}
    return {word: sorted(real_service(kind, word).serialize()) for word, kind in kinds.items()}


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    print(json.dumps(ask(sys.argv[1])))
