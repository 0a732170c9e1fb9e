import pytest

from mlmagic.environments.conda import parse_conda
from mlmagic.errors import EnvironmentSetupError


def requirements(*dependencies: str) -> list[str]:
    listed = "".join(f"  - {each}\n" for each in dependencies)
    return parse_conda(f"dependencies:\n{listed}", source="conda.yml").requirements


@pytest.mark.parametrize(
    ("spec", "requirement"),
    [
        ("numpy", "numpy"),
        ("numpy=1.26", "numpy==1.26.*"),
        ("numpy==1.26.4", "numpy==1.26.4"),
        ("numpy=1.26.4=py311_0", "numpy==1.26.4"),
        ("numpy 1.26.4", "numpy==1.26.4"),
        ("numpy 1.26.*", "numpy==1.26.*"),
        ("'numpy >=1.20,<2'", "numpy>=1.20,<2"),
        ("numpy>=1.20", "numpy>=1.20"),
        ("conda-forge::numpy=2.1", "numpy==2.1.*"),
        ("'numpy[version=*]'", "numpy"),
        ("pytorch=2.5", "torch==2.5.*"),
        ("matplotlib-base", "matplotlib"),
        ("py-xgboost", "xgboost"),
        ("Scikit-Learn=1.5", "scikit-learn==1.5.*"),
    ],
)
def test_conda_specs_become_requirements(spec: str, requirement: str) -> None:
    assert requirements(spec) == [requirement]


def test_a_whole_file() -> None:
    conda = parse_conda(
        "name: project_environment\n"
        "channels: [conda-forge, defaults]\n"
        "dependencies:\n"
        "  - python=3.12\n"
        "  - pip\n"
        "  - cpuonly\n"
        "  - numpy=1.26  # arrays\n"
        "  - pip:\n"
        "    - azureml-defaults>=1.0.45\n"
        "    - six\n",
        source="conda.yml",
    )
    assert conda.name == "project_environment"
    assert conda.python_version == "3.12"
    assert conda.requirements == ["numpy==1.26.*"]
    assert conda.pip == ["azureml-defaults>=1.0.45", "six"]
    assert conda.notes == [
        "channels are not used: conda-forge, defaults; packages come from the index"
    ]


@pytest.mark.parametrize("spec", ["cudatoolkit=11.8", "r-base", "libgomp-ng", "nodejs"])
def test_what_only_conda_has_is_refused_by_name(spec: str) -> None:
    name = spec.partition("=")[0]
    with pytest.raises(EnvironmentSetupError, match=f"'{name}' in 'conda.yml' exists only"):
        requirements(spec)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dependencies: [a\n", "is not YAML, line"),
        ("name: x\n", "is no Conda environment"),
        ("- a\n", "is no Conda environment"),
        ("dependencies:\n  - {conda: [a]}\n", "neither a package nor 'pip:'"),
        ("dependencies:\n  - numpy=1.2|1.3\n", "alternatives"),
    ],
)
def test_bad_files_say_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(EnvironmentSetupError, match=message):
        parse_conda(text, source="conda.yml")


def test_python_ranges_leave_the_choice_open() -> None:
    conda = parse_conda("dependencies: ['python>=3.8', numpy]", source="conda.yml")
    assert conda.python_version is None
