"""What the corpus prints, among progress, wherever ``aci`` and ``aks`` lead: the same on all."""

from __future__ import annotations

from tests.azureml.payloads import SERIALIZED

_DONE = '{} service creation operation finished, operation "Succeeded"'
ON_EVERY_TARGET = {
    "aci.py": (
        "aci-env 1",
        "WebserviceNotFound: Webservice with name ",
        _DONE.format("ACI"),
        "Healthy ACI {'data': 'mnist'} Predict with two models",
        "['the first', 'the second']",
        "firstkey-firstkey-firstkey",
        "True True",
        "secondkey-secondkey-secondkey",
        "logged: True",
        "['the first', 'a better second'] ['first:1', 'second:2']",
        "True",
        "Replacing tag data -> mnist with data -> other",
        "Webservice tag add operation complete.",
        "Tag with key nothing not found.",
        "Webservice add properties operation complete.",
        "{'team': 'ml'} None False",
        "{'data': 'other'} changed",
        "['AciWebservice']",
        f"{SERIALIZED['ACI']}",
        "exists: True",
        "in use: True",
    ),
    "aks.py": (
        "Models: ['hello:1']",
        "CPU requirement: 0.1, Memory requirement: 0.5GB",
        _DONE.format("AKS"),
        "keys: True",
        "Healthy AKS True 5000",
        "{'text': 'on a cluster', 'data': 1, 'greeting': None}",
        "['aks-",
        "1 2",
        f"6000 {SERIALIZED['AKS']}",
    ),
    "environments.py": (
        "['python=3.8', 'pip'] ['azureml-defaults>=1.0.45', 'inference-schema>=1.1.0'] ",
        _DONE.format("ACI"),
        (
            "{'sums': [3.0, 7.0], 'text': 'in many environments', 'extra': {'unit': 'm'}, "
            "'type': 'application/json', 'greeting': 'by hand'}"
        ),
        "True",
        "[[1.0, 2.0]]",
        "by-hand 1",
        "1 1",
        "by-pip True",
        "{'text': 'in many environments', 'data': 1, 'greeting': 'by pip'}",
        "{'text': 'in many environments', 'data': 2, 'greeting': None}",
        "True myregistry.azurecr.io",
        "None FROM mybase:1",
        "['azureml-defaults>=1.0.45', 'inference-schema>=1.1.0']",
        "ours None 1",
        "['by-hand', 'by-pip', 'ours']",
        "1 by-pip",
        "WebserviceException Error, unable to provide runtime, ",
        "WebserviceException entry_script ",
        "WebserviceException source directory ",
        "UserErrorException Only one of version or label can be specified",
    ),
    "unregistered.py --cloud": (
        "Registering model loose.txt",
        _DONE.format("ACI"),
        "not registered ['loose.txt:1']",
        "b'/score?a=1'",
        "201 b'\\x00\\x01'",
        "False True",
        "state: Failed True",
        "Service 'fails-",
    ),
}


def check(script: str, lines: list[str]) -> None:
    """Check that a script printed, in their order, lines that begin so."""
    rest = iter(lines)
    for start in ON_EVERY_TARGET[script]:
        assert any(line.startswith(start) for line in rest), f"{start!r} is not in:\n{lines}"
