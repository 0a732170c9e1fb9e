"""Estimators whose attributes name what is called when they predict."""

from __future__ import annotations

import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from joblib.numpy_pickle import NumpyArrayWrapper
from sklearn.ensemble import StackingClassifier, StackingRegressor
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from skops import io as skops_io

from mlmagic.errors import RegistryError, UnsafeModelError

X = np.arange(40.0).reshape(20, 2)
Y = X.sum(1)
STACKED = StackingRegressor([("a", Ridge()), ("b", "drop")], final_estimator=Ridge())
LOGS = FunctionTransformer(
    np.log1p, inverse_func=np.expm1, kw_args={"where": True}, feature_names_out="one-to-one"
)
HONEST = [
    make_pipeline(LOGS, FunctionTransformer(), STACKED).fit(X, Y),
    StackingClassifier([("a", LogisticRegression())]).fit(X, Y > 30),
    FixedThresholdClassifier(LogisticRegression(), threshold=0.3).fit(X, Y > 30),
    make_pipeline(TfidfVectorizer(analyzer="char_wb", strip_accents="ascii")).fit(["a b", "b c"]),
    *(
        ClassifierChain(LogisticRegression(), chain_method=f"predict_{name}").fit(X, X > 20)
        for name in ("proba", "log_proba")
    ),
    GridSearchCV(
        LogisticRegression(),
        {"C": [1.0]},
        scoring=make_scorer(accuracy_score, response_method=("predict",)),
    ).fit(X, Y > 30),
]


def crafted(estimator, **attributes):
    vars(estimator).update(attributes)
    return estimator


STRANGE = [
    crafted(StackingRegressor([]), estimators_=[np.zeros(3)], stack_method_=["tofile"]),
    crafted(StackingClassifier([]), estimators_=[np.zeros(3)], stack_method_=["dump"]),
    crafted(FixedThresholdClassifier(LogisticRegression()), response_method="save_model"),
    FunctionTransformer(str),
    FunctionTransformer(None, inverse_func=bytearray),
    FunctionTransformer(FunctionTransformer),
    FunctionTransformer(np.mean),
    CountVectorizer(analyzer=bytearray),
    HashingVectorizer(tokenizer=list),
    TfidfVectorizer(strip_accents=str),
    crafted(ClassifierChain(LogisticRegression()), chain_method_="save_model"),
    crafted(make_scorer(accuracy_score), _response_method="save_model"),
    crafted(make_scorer(accuracy_score), _response_method=["predict", "save_model"]),
]
# A state that is filled or changed after it was set.
NEW = b"\x80\x02csklearn.ensemble._stacking\nStackingRegressor\n"
KEY, EVIL, USUAL = (b"X" + bytes([len(each), 0, 0, 0]) + each
                    for each in (b"stack_method_", b"tofile", b"predict"))  # fmt: skip
HANDMADE = {
    "a list that grows": NEW + b")\x81}" + KEY + b"]q\x01sbh\x01" + EVIL + b"a0.",
    "an item that is replaced": NEW + b")\x81}" + KEY + b"]q\x01" + USUAL + b"asbh\x01K\x00" + EVIL
    + b"s0.",
    "a state that looks usual later": NEW + b")\x81}q\x01" + KEY + b"]" + EVIL + b"asbh\x01" + KEY
    + b"]s0.",
    "a state set twice": NEW + b")\x81}" + KEY + b"]" + EVIL + b"asb}" + KEY + b"]sb.",
    "arguments": NEW + b"]\x85R.",
    "a state that is made": NEW + b")\x81ccollections\nOrderedDict\n)Rb.",
}  # fmt: skip


def file(folder, suffix, data):
    path = folder / f"model{suffix}"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("estimator", HONEST, ids=lambda each: type(each).__name__)
def test_what_scikit_learn_writes_passes(registry, tmp_path, estimator, protocol):
    data = pickle.dumps(estimator, protocol)
    assert registry.register(file(tmp_path, ".pkl", data), name="net").model.loader == "pickle"


@pytest.mark.parametrize("estimator", HONEST, ids=lambda each: type(each).__name__)
def test_what_skops_writes_passes(registry, estimator):
    assert registry.register(estimator, name="net").model.loader == "skops"


def test_a_text_of_numpy_is_a_text(registry):
    made = CountVectorizer(analyzer=np.str_("word")).fit(["some words"])  # of a grid's array
    assert registry.register(made, name="net").model.loader == "skops"


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("estimator", STRANGE, ids=lambda each: type(each).__name__)
def test_a_pickle_that_names_other_methods_needs_trust(registry, tmp_path, estimator, protocol):
    path = file(tmp_path, ".pkl", pickle.dumps(estimator, protocol))
    with pytest.raises(UnsafeModelError, match=r"'sklearn\..*it calls what its '\w+' names"):
        registry.register(path, name="net")
    registry.register(path, name="net", trust="ours")


@pytest.mark.parametrize("kind", [CountVectorizer, HashingVectorizer, TfidfVectorizer])
@pytest.mark.parametrize("suffix", [".pkl", ".skops"])
def test_a_vectorizer_that_opens_what_requests_name_needs_trust(registry, tmp_path, kind, suffix):
    (tmp_path / "secret").write_text("hunter two")
    made = kind(input="filename")
    assert made.build_analyzer()(str(tmp_path / "secret")) == ["hunter", "two"]
    dumps = pickle.dumps if suffix == ".pkl" else skops_io.dumps
    with pytest.raises(UnsafeModelError, match="opens the files that requests name"):
        registry.register(file(tmp_path, suffix, dumps(made)), name="net")


@pytest.mark.parametrize("data", HANDMADE.values(), ids=HANDMADE)
def test_a_handmade_pickle_needs_trust(registry, tmp_path, data):
    why = "it calls what|attributes are computed|made with arguments"
    with pytest.raises(UnsafeModelError, match=rf"StackingRegressor' in .* loaded: .*({why})"):
        registry.register(file(tmp_path, ".pkl", data), name="net")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
def test_a_joblib_file_that_pickle_reads_otherwise_needs_trust(registry, tmp_path):
    # joblib reads the objects of an array with a memo of their own, where 0 is what predicts.
    wrapper = pickle.dumps(NumpyArrayWrapper(np.ndarray, (1,), "C", np.dtype("O")), 2)[:-2]
    objects = b"\x80\x04]\x94" + USUAL + b"a0" + NEW[2:] + b")\x81}" + KEY + b"h\x00sb."
    path = file(tmp_path, ".joblib", wrapper + b"]q\x00" + EVIL + b"a0b" + objects + b".")
    with path.open("rb") as stream:
        assert pickle.load(stream).stack_method_ == ["tofile"]
    with pytest.raises(UnsafeModelError, match="it calls what its 'stack_method_' names"):
        registry.register(path, name="net")


@pytest.mark.parametrize(
    "estimator", [*STRANGE[:4], *STRANGE[-3:]], ids=lambda each: type(each).__name__
)
def test_a_skops_archive_that_names_other_methods_needs_trust(registry, tmp_path, estimator):
    path = file(tmp_path, ".skops", skops_io.dumps(estimator))
    with pytest.raises(UnsafeModelError, match=r"'sklearn\..*it calls what its '\w+' names"):
        registry.register(path, name="net")


def test_a_skops_archive_that_says_two_things_of_one_object_needs_trust(registry, tmp_path):
    data = skops_io.dumps([np.str_("tofile").item(), HONEST[0]])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members["schema.json"])
    text = json.dumps(schema)
    first = schema["content"][0]
    (usual,) = {
        node["__id__"] for node in nodes(schema) if node.get("content") == '"predict"'
    }  # the loader would take the first node of this id: 'tofile'
    text = text.replace(f'"__id__": {usual}', f'"__id__": {first["__id__"]}')
    members["schema.json"] = text.encode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    assert skops_io.loads(made.getvalue(), trusted=skops_io.get_untrusted_types(data=data))[
        1
    ].named_steps["stackingregressor"].stack_method_ == ["tofile"]
    with pytest.raises(UnsafeModelError, match="it calls what its 'stack_method_' names"):
        registry.register(file(tmp_path, ".skops", made.getvalue()), name="net")


def test_a_skops_archive_that_makes_no_sense_where_skops_does_not_look_is_told(registry, tmp_path):
    made = io.BytesIO(skops_io.dumps(FunctionTransformer()))
    with zipfile.ZipFile(made) as archive:
        schema = json.loads(archive.read("schema.json"))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema | {"unused": {"__id__": []}}))
    with pytest.raises(RegistryError, match=r"model\.skops' is not a readable skops archive"):
        registry.register(file(tmp_path, ".skops", made.getvalue()), name="net")


def nodes(here):
    if isinstance(here, dict):
        yield here
        here = list(here.values())
    if isinstance(here, list):
        for each in here:
            yield from nodes(each)
