"""Asked of the real SDK, in an environment of its own.

``python referee.py PREFIX MODULE,… MODULE:CLASS …`` prints JSON: the public names of the modules,
every public member of each class with the names and defaults of its parameters, and what the SDK
says to a list of configurations. Standard library only.
"""

import ast
import contextlib
import importlib
import inspect
import io
import json
import logging
import sys
import textwrap
import warnings

warnings.simplefilter("ignore")
CONFIGURATIONS = {
    "AksWebservice": [
        {},
        {"cpu_cores": -1},
        {"cpu_cores": 2, "cpu_cores_limit": 1, "memory_gb": 2, "memory_gb_limit": 1},
        {"gpu_cores": -1, "namespace": "Not_Allowed"},
        {"autoscale_enabled": True, "num_replicas": 2, "autoscale_min_replicas": -1},
        {"autoscale_enabled": True, "autoscale_min_replicas": 5, "autoscale_max_replicas": 2},
        {"autoscale_enabled": False},
        {"autoscale_min_replicas": 1, "autoscale_max_replicas": 2,
         "autoscale_refresh_seconds": 3, "autoscale_target_utilization": 4},
        {"auth_enabled": True, "token_auth_enabled": True},
        {"period_seconds": 0, "initial_delay_seconds": 0, "timeout_seconds": 0,
         "success_threshold": 0, "failure_threshold": 0, "scoring_timeout_ms": 0,
         "replica_max_concurrent_requests": 0, "max_request_wait_time": 0, "num_replicas": -1},
    ],
    "AciWebservice": [
        {},
        {"cpu_cores": 0},
        {"memory_gb": -1},
        {"ssl_enabled": True},
        {"ssl_enabled": True, "ssl_cert_pem_file": "c", "ssl_key_pem_file": "k", "ssl_cname": "n"},
        {"vnet_name": "v"},
    ],
    "LocalWebservice": [{}, {"port": 8890}, {"port": 70000}, {"port": "x"}],
}  # fmt: skip
INFERENCE = [
    {"entry_script": "missing.py"},
    {"entry_script": None},
    {"entry_script": "score.py", "source_directory": "nowhere"},
    {"entry_script": "score.py", "source_directory": "folder"},
    {"entry_script": "broken.py"},
    {"entry_script": "score.py", "runtime": "python", "environment": "ENVIRONMENT"},
    {"entry_script": "folder"},
    {"entry_script": "class.py"},
    {"entry_script": "score.py", "runtime": "ruby"},
    {"entry_script": "score.py", "runtime": "python", "cuda_version": "7.5"},
    # Paths begin in the source directory where there is one, and not where it lies.
    {"entry_script": "score.py", "conda_file": "conda.yml"},
    {"entry_script": "score.py", "conda_file": "missing.yml"},
    {"entry_script": "score.py", "source_directory": "source", "conda_file": "conda.yml"},
    {"entry_script": "score.py", "source_directory": "source", "conda_file": "inner.yml"},
    {
        "entry_script": "score.py",
        "source_directory": "source",
        "extra_docker_file_steps": "conda.yml",
    },
    {"entry_script": "source/score.py", "source_directory": "source"},
]


def described(function):
    """The parameters of a function with their defaults; private ones and the rest left out."""
    found = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name.startswith("_") or parameter.kind in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            continue
        default = parameter.default
        found.append([parameter.name, "-" if default is parameter.empty else repr(default)])
    return found


def members(owner):
    """Kind and parameters of each public member."""
    found = {"(class)": ["class", described(owner.__init__)]}
    kinds = [kind for kind in owner.__mro__ if kind.__module__ not in ("builtins", "enum")]
    for name in sorted({name for kind in kinds for name in vars(kind)}):
        if name.startswith("_"):
            continue
        member = inspect.getattr_static(owner, name)
        function = getattr(member, "__func__", member)
        if isinstance(member, property):
            found[name] = ["property", []]
        elif inspect.isclass(member):
            found[name] = ["class", []]
        elif callable(function):
            kind = "static" if isinstance(member, staticmethod) else "method"
            found[name] = [kind, described(function)]
        else:
            plain = isinstance(member, str | int | float | dict | list) or member is None
            found[name] = ["value", [repr(member)] if plain else []]
    return found


def attributes(owner):
    """What the methods of a class keep in its objects, by public names."""
    found = set()
    for kind in owner.__mro__:
        if not kind.__module__.startswith("azureml.") or issubclass(kind, tuple):
            continue
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(kind)))):
            kept = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
            if kept and getattr(node.value, "id", "") == "self" and not node.attr.startswith("_"):
                found.add(node.attr)
    return sorted(found)


def said(call):
    """What a call raises, by name and message; None where it works."""
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            call()
        except Exception as error:  # its class is the answer
            return [type(error).__name__, getattr(error, "message", str(error))]
    return None


def names_of(module):
    """What a module makes public: its ``__all__``, or the classes and functions made in it."""
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    return sorted(
        name
        for name, found in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(found) or inspect.isfunction(found))
        and found.__module__ == module.__name__
    )


def ask(prefix, modules, names):
    """Everything, of the SDK below a prefix."""
    classes, kept = {}, {}
    for name in names:
        module, _, owner = name.partition(":")
        kind = getattr(importlib.import_module(prefix + module), owner)
        classes[name] = members(kind)
        kept[name] = [] if prefix else attributes(kind)
    services = importlib.import_module(prefix + "azureml.core.webservice")
    environment = importlib.import_module(prefix + "azureml.core").Environment
    model = importlib.import_module(prefix + "azureml.core.model")
    answers = {
        owner: [
            said(lambda k=keywords, o=owner: getattr(services, o).deploy_configuration(**k))
            for keywords in listed
        ]
        for owner, listed in CONFIGURATIONS.items()
    }
    fields = {
        owner: sorted(
            key
            for key in vars(getattr(services, owner).deploy_configuration())
            if not key.startswith("_")
        )
        for owner in CONFIGURATIONS
    }
    inference = []
    for keywords in INFERENCE:
        given = {k: environment("e") if v == "ENVIRONMENT" else v for k, v in keywords.items()}
        inference.append(said(lambda g=given: model.InferenceConfig(**g)))
    core = importlib.import_module(prefix + "azureml.core")
    exceptions = importlib.import_module(prefix + "azureml.exceptions")
    return {
        "classes": classes,
        "kept": kept,
        "names": {module: names_of(importlib.import_module(prefix + module)) for module in modules},
        "answers": answers,
        "fields": fields,
        "inference": inference,
        "core": sorted(name for name in core.__all__),
        "exceptions": sorted(exceptions.__all__),
        "text": str(exceptions.UserErrorException("wrong")),
        **documents(prefix, environment),
        "edited": edits(prefix, environment),
    }


def edits(prefix, environment):
    """What single methods of environments make, and what they refuse."""
    conda = importlib.import_module(prefix + "azureml.core.conda_dependencies").CondaDependencies
    with open("base.Dockerfile", "w", encoding="utf-8") as stream:
        stream.write("FROM scratch")
    edited = [
        ("set_pip_option", "--pre"), ("set_pip_option", "-i one"), ("set_pip_option", "-i two"),
        ("set_pip_option", "pre"), ("remove_pip_option", "--pre"), ("remove_pip_option", "-x"),
        ("remove_pip_option", "pre"), ("remove_pip_package", "joblib"),
        ("remove_pip_package", "gone"), ("remove_pip_package", "-i two"),
        ("add_pip_package", "--pre"), ("add_pip_package", "joblib"),
        ("remove_conda_package", "gone"), ("remove_conda_package", "numpy"),
        ("add_channel", "mine"), ("remove_channel", "mine"), ("set_python_version", "3.12"),
    ]  # fmt: skip
    made = conda.create(pip_packages=["joblib>1", "pandas"], conda_packages=["numpy"])
    found = []
    for method, argument in edited:
        refused = said(lambda m=method, a=argument: getattr(made, m)(a))
        lists = [made.pip_packages, made.pip_options, made.conda_packages, made.conda_channels]
        kept = [[each for each in one if "--find-links" not in each and "simple" not in each]
                for one in lists]  # fmt: skip
        found.append([method, argument, refused, kept])
    docker = environment.from_dockerfile("e", "base.Dockerfile").docker
    missing = [
        said(lambda m=method: getattr(environment, m)("e", "missing"))[0]
        for method in ("from_conda_specification", "from_pip_requirements")
    ]
    return [found, list(made.get_default_number_of_packages()), made.get_python_version(),
            docker.base_dockerfile, docker.base_image, missing]  # fmt: skip


def documents(prefix, environment):
    """Environments and packages, as files and data."""
    conda = importlib.import_module(prefix + "azureml.core.conda_dependencies").CondaDependencies
    made = conda.create(
        conda_packages=["numpy", "scikit-learn==1.5"], pip_packages=["azureml-defaults", "joblib>1"]
    )
    made.add_pip_package("joblib==1.4")
    made.set_pip_option("--extra-index-url https://example.test/simple")
    made.add_channel("mine")
    made.set_python_version("3.11")
    plain = json.loads(json.dumps(made.as_dict()))
    edited = {
        "dict": plain,
        "conda": list(made.conda_packages),
        "pip": list(made.pip_packages),
        "options": list(made.pip_options),
        "channels": list(made.conda_channels),
        "python": made.get_python_version(),
    }
    kept = environment("kept")
    kept.python.conda_dependencies = made
    kept.save_to_directory("kept", overwrite=True)
    with open("kept/azureml_environment.json", encoding="utf-8") as stream:
        document = json.load(stream)
    again = environment.load_from_directory("kept")
    return {
        "conda": edited,
        "default": json.loads(json.dumps(conda().as_dict())),
        "document": document,
        "loaded": [again.name, list(again.python.conda_dependencies.conda_packages)],
    }


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    print(json.dumps(ask(sys.argv[1], sys.argv[2].split(","), sys.argv[3:])))
