"""What of Azure ML v1's classes works here, differs, or is refused: said beside each member.

A member without a note works as v1's did. The table in the docs is made from these notes.
"""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

from mlmagic.azureml import exceptions
from mlmagic.configurations.v1_keys import refused_keys, unused_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlmagic.configurations.v1_keys import Section

Status = Literal["works", "differs", "refused"]
T = TypeVar("T")
_NOTE = "__azureml_note__"
# Instead of endpoints, which share traffic between versions.
NO_VERSIONS = "Deploy the versions as services of their own; update() changes one in place."
_FIELDS = "__azureml_fields__"

# The modules that users import, with what of each is more than a refusal.
COVERED: dict[str, tuple[str, ...]] = {
    "core.workspace": ("Workspace",),
    "core.model": ("Model", "InferenceConfig", "ModelPackage"),
    "core.environment": ("Environment", "DockerSection", "PythonSection", "ImageBuildDetails"),
    "core.conda_dependencies": ("CondaDependencies",),
    "core.container_registry": ("ContainerRegistry",),
    "core.resource_configuration": ("ResourceConfiguration",),
    "core.webservice": (
        "Webservice",
        "LocalWebservice",
        "AciWebservice",
        "AksWebservice",
    ),
    "core.webservice.webservice": (
        "WebserviceDeploymentConfiguration",
        "AutoScaler",
        "ContainerResourceRequirements",
        "DataCollection",
        "LivenessProbeRequirements",
    ),
    "core.webservice.local": ("LocalWebserviceDeploymentConfiguration",),
    "core.webservice.aci": ("AciServiceDeploymentConfiguration",),
    "core.webservice.aks": ("AksServiceDeploymentConfiguration",),
    "core.experiment": ("Experiment", "ViewType"),
    "core.run": ("Run", "get_run"),
    "core.script_run_config": ("ScriptRunConfig", "get_run_config_from_script_run"),
    "core.runconfig": ("RunConfiguration",),
    "core.compute": ("ComputeTarget", "AksCompute"),
    "core.compute_target": (),
    "core.authentication": (
        "InteractiveLoginAuthentication",
        "AzureCliAuthentication",
        "ServicePrincipalAuthentication",
        "MsiAuthentication",
        "TokenAuthentication",
        "AbstractAuthentication",
        "AccessToken",
        "Audience",
    ),
    "widgets": ("RunDetails",),
    "train.automl.run": ("AutoMLRun",),
    "train.automl": (),
    "train.automl.automlconfig": (),
    "core": (),
    "exceptions": tuple(exceptions.__all__),
}


@dataclass(frozen=True)
class Row:
    """One member of one class, or a name as a whole.

    Attributes:
        module: Such as ``azureml.core.model``.
        owner: The class or function.
        member: The member; ``(class)`` is the class itself and its constructor, ``(function)``
            the function.
        status: ``works``, ``differs`` or ``refused``.
        note: How it differs, or what to use instead.
    """

    module: str
    owner: str
    member: str
    status: Status
    note: str = ""


def differs(note: str) -> Callable[[T], T]:
    """Mark a method, a property's function or a class as different from v1's.

    Args:
        note: How it differs, one sentence without the full stop.
    """

    def mark(target: T) -> T:
        setattr(target, _NOTE, note)
        return target

    return mark


def differs_in(notes: Mapping[str, str]) -> Callable[[type[T]], type[T]]:
    """Mark fields of a class as different from v1's.

    Args:
        notes: How, by field; names of other classes' fields do no harm.
    """

    def mark(owner: type[T]) -> type[T]:
        setattr(owner, _FIELDS, notes)
        return owner

    return mark


def of_the_files(section: Section) -> dict[str, str]:
    """Return what of a configuration is not used or refused, as of a configuration file."""
    unused = {key: f"Not used: {why}" for key, why in unused_keys(section).items()}
    refused = {key: f"Refused by Model.deploy: {why}" for key, why in refused_keys(section).items()}
    return unused | refused


def always(value: object, how: str) -> Any:
    """Make a property that says the same of everything, and how that differs from v1's."""
    return property(differs(how)(lambda _: value))


class Refused:
    """A member that needs the cloud: using it says what to use here.

    Args:
        way: What to do instead, a sentence.
        is_property: Whether reading it is using it.
    """

    def __init__(self, way: str, *, is_property: bool = False) -> None:
        self.way = way
        self.is_property = is_property
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = f"{owner.__name__}.{name}"

    def __get__(self, instance: object, owner: type) -> Any:
        if self.is_property:
            return self if instance is None else self.refuse()
        return self.refuse

    def refuse(self, *_: object, **__: object) -> NoReturn:
        """Say what to use here."""
        raise NotImplementedError(f"{self.name} needs the cloud of Azure ML. {self.way}")


class _RefusedClass(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotImplementedError(cls._refusal())

    def __call__(cls, *_: object, **__: object) -> NoReturn:
        raise NotImplementedError(cls._refusal())

    def _refusal(cls) -> str:
        return f"{cls.__name__} needs the cloud of Azure ML. {cls.__doc__}"


def refused_class(name: str, way: str) -> Any:
    """Make a class that can be imported; using it says what to use here."""
    return _RefusedClass(name, (), {"__doc__": way, _NOTE: way})


def is_refused_class(found: object) -> bool:
    """Tell the classes that `refused_class` made from others."""
    return isinstance(found, _RefusedClass)


def refuse(way: str, *names: str, properties: tuple[str, ...] = ()) -> Callable[[type[T]], type[T]]:
    """Add members to a class that only say what to use here.

    Args:
        way: What to do instead, a sentence.
        names: The methods.
        properties: The properties.
    """

    def add(owner: type[T]) -> type[T]:
        for name in (*names, *properties):
            member = Refused(way, is_property=name in properties)
            member.__set_name__(owner, name)
            setattr(owner, name, member)
        return owner

    return add


def rows() -> Iterator[Row]:
    """Tell of every public member of every covered class, function and name."""
    told: set[Any] = set()  # names that are refused are imported from module to module
    for module, owners in COVERED.items():
        home = importlib.import_module(f"mlmagic.azureml.{module}")
        for name in owners:
            yield from _rows_of(f"azureml.{module}", name, getattr(home, name))
        for name, found in sorted(vars(home).items()):
            if is_refused_class(found) and found not in told:
                told.add(found)
                yield Row(f"azureml.{module}", name, _whole(name), "refused", found.__doc__ or "")


def _rows_of(module: str, name: str, owner: Any) -> Iterator[Row]:
    note = vars(owner).get(_NOTE, "")
    yield Row(module, name, _whole(name), "differs" if note else "works", note)
    if isinstance(owner, type):
        fields = getattr(owner, _FIELDS, {})
        for member in sorted(members(owner)):
            found = inspect.getattr_static(owner, member, None)
            yield _row((module, name), member, found, fields.get(member, ""))


def _whole(name: str) -> str:
    return "(class)" if name[0].isupper() else "(function)"


def members(owner: type) -> set[str]:
    """Return the public members of a class, without those of Python's own classes."""
    kinds = [kind for kind in owner.__mro__ if kind.__module__ not in ("builtins", "enum")]
    own = {name for kind in kinds for name in (*vars(kind), *vars(kind).get("__annotations__", ()))}
    return {name for name in own if not name.startswith("_")}


def _row(place: tuple[str, str], member: str, found: Any, of_field: str) -> Row:
    if isinstance(found, Refused):
        return Row(*place, member, "refused", found.way)
    function = getattr(found, "fget", None) or getattr(found, "__func__", found)
    note = getattr(function, _NOTE, "") if callable(function) else of_field
    return Row(*place, member, "differs" if note else "works", note)
