import pytest

from mlmagic.configurations import parse
from mlmagic.errors import ConfigurationError

V1_DEPLOYMENT = """{
    "computeType": "local",
\t"port": 32267,
    "containerResourceRequirements": {"cpu": 0.5, "memoryInGB": 0.5},
    "authEnabled": true,
    "scoringTimeoutMs": 1000,
    "numReplicas": 2,
    "maxConcurrentRequestsPerContainer": 3
}"""


def test_v1s_keys():
    read = parse("deployment", V1_DEPLOYMENT, name="dc")
    assert read.compute_type == "local"
    assert read.values == {
        "port": 32267,
        "cpu": "0.5",
        "memory": "500M",
        "auth": "key",
        "scoring_timeout_ms": 1000,
        "replicas": 2,
        "threads": 3,
    }
    assert read.lines["port"] == 3
    assert read.warnings == ()


def test_our_keys_in_yaml():
    text = "target: local\nmemory: 512Mi\ncpu: 500m\nvariables:\n  LOUD: true\n  N: 1\n"
    read = parse("deployment", text, name="dc")
    assert read.values == {"memory": "512Mi", "cpu": "500m"}
    assert read.variables == {"LOUD": "true", "N": "1"}


def test_what_a_line_may_repeat_is_a_list_and_one_alone_needs_none():
    text = "volumes: ['/a:/b:ro', c:/d]\nnetworks: front\ntolerations: [gpu, 5, true]\n"
    assert parse("deployment", text, name="dc").values == {
        "volumes": ("/a:/b:ro", "c:/d"),
        "networks": ("front",),
        "tolerations": ("gpu", "5", "true"),
    }


@pytest.mark.parametrize("item", ["{a: b}", "[[a]]", "[a, null]"])
def test_an_item_that_is_no_text_is_refused_with_its_line(item):
    with pytest.raises(ConfigurationError, match=r"'volumes' \(line 2\): .* is not SOURCE:TARGET"):
        parse("deployment", f"port: 1\nvolumes: {item}\n", name="dc")


def test_v1s_words_in_snake_case():
    text = "compute_type: local\ncontainer_resource_requirements:\n  memory_in_gb: 1\n"
    assert parse("deployment", text, name="dc").values == {"memory": "1000M"}


def test_null_leaves_open():
    text = '{"entryScript": "score.py", "sourceDirectory": null}'
    assert parse("inference", text, name="ic").given == {"script": "score.py"}


def test_unused_keys_are_listed_with_lines():
    text = "port: 1\nappInsightsEnabled: true\nautoScaler:\n  refreshPeriodInSeconds: 2\n"
    read = parse("deployment", text, name="dc", first_line=2)
    assert [(problem.line, problem.severity) for problem in read.warnings] == [
        (3, "warning"),
        (5, "warning"),
    ]
    assert "'autoScaler.refreshPeriodInSeconds'" in read.warnings[1].message


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("deployment", "prot: 1", r"no key 'prot' \(line 2\). Did you mean 'port'"),
        ("deployment", '{"numReplica": 1}', "Did you mean 'numReplicas'"),
        ("deployment", '{"computetype": "aci"}', "Did you mean 'computeType'"),
        (
            "deployment",
            "a: 1\nport: x",
            r"(?s)'a' \(line 2\).*'port' \(line 3\): 'x' is not a whole",
        ),
        ("deployment", "port: 70000", r"'port' \(line 2\): '70000' is out of range"),
        ("deployment", "\nmemory: 1g", r"'memory' \(line 3\).*did you mean '1G' or '1Gi'"),
        ("deployment", "memory: -1G", "'-1G' is not a quantity"),
        ("deployment", "port: 1\nport: 2", "'port' stands twice in 'cell', on lines 2 and 3"),
        (
            "deployment",
            "memory: 1G\ncontainerResourceRequirements:\n  memoryInGB: 2",
            r"'memory' \(line 2\) and 'containerResourceRequirements.memoryInGB' \(line 4\)",
        ),
        ("deployment", '{"port": 1,}', ""),
        ("deployment", '{"port": 1\n "auth": "key"}', r"not JSON.*\(line 3, column 2\)"),
        ("deployment", "port: [1", r"not YAML: .*\(line 2, column 9\)"),
        ("deployment", "port: 1\n\tauth: key", r"not YAML: .*line 3"),
        ("deployment", "", "holds no keys"),
        ("deployment", "- port", "holds no keys"),
        ("deployment", "port: !!python/name:os.system 1", "could not determine a constructor"),
        ("deployment", "variables: x", "'x' is not an object of names"),
        ("deployment", "variables: {a: {b: 1}}", "value of 'a' is not text"),
        ("deployment", "auth: maybe", "'maybe' is not allowed"),
        ("deployment", "port: true", "is not a whole number"),
        ("inference", "source_directory: .", "'entryScript' is missing"),
        ("inference", "entry_script: a.py\nentryScipt: b.py", "Did you mean 'entryScript'"),
        ("inference", "entryScript: a.py\nenvironment: a\ncondaFile: b", "exclude each other"),
        ("inference", "entryScript: 3", r"'entryScript' \(line 2\): '3' is not text"),
        ("inference", "entryScript: a.py\ncondaFile: [b]", r"'condaFile' \(line 3\).*not text"),
        ("deployment", "autoScaler: 5", r"'autoScaler' \(line 2\): '5' is not an object of keys"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(kind, text, message):
    if not message:
        assert parse(kind, text, name="cell").values == {"port": 1}  # YAML allows the comma
        return
    with pytest.raises(ConfigurationError, match=message):
        parse(kind, text, name="cell", first_line=2)


@pytest.mark.parametrize(
    ("text", "target"),
    [("computeType: AKS", "aks"), ("computeType: ACI", "aci"), ("target: prod", "prod")],
)
def test_a_target_is_named_in_words_of_v1_and_in_ours(text, target):
    assert parse("deployment", text, name="cell").compute_type == target


def test_deep_nesting_is_refused():
    with pytest.raises(ConfigurationError):
        parse("deployment", "[" * 900, name="dc")
    with pytest.raises(ConfigurationError):
        parse("deployment", "port: " + "[" * 900 + "]" * 900, name="dc")


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("deployment", "sslEnabled: true", "TLS is not built in"),
        ("deployment", "vnetName: v", "only the cloud has virtual networks"),
        ("deployment", "vaultBaseUrl: u", "only the cloud has key vaults"),
        ("inference", "entryScript: s.py\nextraDockerfileSteps: steps", "--base-dockerfile"),
        ("inference", "entryScript: s.py\nbaseImageRegistry: {address: a}", "docker login"),
    ],
)
def test_what_would_be_something_else_is_refused_by_name(kind, text, told):
    with pytest.raises(ConfigurationError, match=told):
        parse(kind, text, name="file")


def test_what_v1_writes_by_itself_is_passed_over():
    text = "sslEnabled: false\nsslCertificate: null\nlocation: null\nappInsightsEnabled: false\n"
    read = parse("deployment", text, name="dc")
    assert (read.given, read.warnings) == ({}, ())
    text = "entryScript: s.py\nruntime: python\nbaseImage: python:3.11\nenableGpu: false\n"
    read = parse("inference", text, name="ic")
    assert [each.line for each in read.warnings] == [2]
    assert read.given == {"script": "s.py", "base_image": "python:3.11"}


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("cpu_cores: 0.5\nmemory_gb: 1", {"cpu": "0.5", "memory": "1000M"}),
        (
            "autoscaleMinReplicas: 1\nautoscale_max_replicas: 3",
            {"autoscale_min": 1, "autoscale_max": 3},
        ),
        (
            "replica_max_concurrent_requests: 2\nperiod_seconds: 7",
            {"threads": 2, "liveness_period_seconds": 7},
        ),
        ("computeType: aks\ncomputeTargetName: prod", {"target": "prod"}),
        ("computeTargetName: prod\ncomputeType: aks", {"target": "prod"}),
    ],
)
def test_words_of_the_sdk_are_read_and_a_target_wins_over_its_type(text, given):
    assert parse("deployment", text, name="dc").given == given


def test_the_commands_abbreviations_are_no_keys():
    with pytest.raises(ConfigurationError, match=r"no key 'cc' \(line 1\)"):
        parse("deployment", "cc: 1", name="dc")


def test_what_v1_passed_over_in_silence_is_told():
    text = "computeType: ACI\nenableAppInsights: 'True'\ntags: {area: demo}\ndescription: d\n"
    read = parse("deployment", text, name="dc")
    assert read.given == {"target": "aci"}
    assert [each.line for each in read.warnings] == [2, 3, 4]
    read = parse("inference", "entryScript: s.py\nschemaFile:\n", name="ic")
    assert (read.given, read.warnings) == ({"script": "s.py"}, ())
    read = parse("inference", "entryScript: s.py\nschemaFile: schema.json\n", name="ic")
    assert "/swagger.json" in read.warnings[0].message
    with pytest.raises(
        ConfigurationError, match="'ssl_cname' \\(line 1\\) has no meaning here: TLS"
    ):
        parse("deployment", "ssl_cname: example.org", name="dc")
