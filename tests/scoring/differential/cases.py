"""The scripts, and the requests that each gets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.scoring.differential.servers import Ask

JSON = ("Content-Type", "application/json")
_IDS = ("x-request-id", "x-ms-request-id", "x-ms-client-request-id")
_ORIGIN = ("Origin", "http://a.example")
_DOCUMENTS = ("", "?version=2", "?version=2.0", "?version=3", "?version=3.0", "?version=3.1")


@dataclass(frozen=True)
class Case:
    """One script as it is deployed.

    Attributes:
        script: Folder below tests/data/scripts/differential.
        variables: Of the environment.
    """

    script: str
    asks: tuple[Ask, ...]
    options: tuple[str, ...] = ("--entry_script", "score.py")
    variables: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        told = "-".join(value for _, value in self.variables)
        return f"{self.script}-{told}"[:60] if told else self.script


def post(value: Any, **headers: str) -> Ask:
    """Post a value as JSON."""
    named = {name.replace("_", "-"): each for name, each in headers.items()}
    return Ask(json.dumps(value).encode(), headers=(JSON, *named.items()))


def get(query: str = "", *headers: tuple[str, str]) -> Ask:
    """Ask with a query."""
    return Ask(None, "GET", "/score" + query, headers)


def _typed(body: bytes, media_type: str | None) -> Ask:
    return Ask(body, headers=() if media_type is None else (("Content-Type", media_type),))


def _form() -> Ask:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="image"; filename="a b.png"\r\n'
        b"Content-Type: image/png\r\n\r\n\x89PNG\r\n\x00\xff\r\n"
        b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\nh\xc3\xa9\r\n--b--\r\n'
    )
    return Ask(body, headers=(("Content-Type", "multipart/form-data; boundary=b"), ("X-One", "1")))


_ID_TABLE = tuple(
    post("x", **{name: name[-3:] for index, name in enumerate(_IDS) if number >> index & 1})
    for number in range(8)
)
_ROUTES = (
    *(Ask(None, "GET", path, ()) for path in ("/", "/nowhere", "/score/", "//", "/Score", "/?a=1")),
    *(
        Ask(None, method, path, ())
        for path in ("/", "/score", "/swagger.json", "/nowhere")
        for method in ("HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "POST")
    ),
    Ask(b"x", "PUT"),
    Ask(None, "OPTIONS", "/score", (_ORIGIN, ("Access-Control-Request-Method", "POST"))),
    *(Ask(None, "GET", f"/swagger.json{query}", ()) for query in _DOCUMENTS),
    *(Ask(None, "GET", f"/swagger.json?{q}", ()) for q in ("version=4", "version=", "other=3")),
)
_TEXTS = (
    b"",
    b"{}",
    b"not json",
    "é\U0001f600 \u2028".encode(),
    b"\xff",
    b"ab\xc3",
    b'{"a": NaN}',
    b"\xef\xbb\xbf{}",
    b"\x00\x01",
    b"1" * 5000,
    b"a=1&b=2",
)
_TYPES = (
    "application/json",
    "application/json; charset=utf-8",
    "text/plain; charset=latin-1",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "image/png",
    None,
)
_QUERIES = (
    "",
    "?a=1",
    "?a=1&b=[1,2]&c=a&d=null",
    "?foo=bar1&foo=bar2&x=y",
    "?a=&b",
    "?a=%C3%A9&b=%FF",
    "?a=1+2&b=%2B",
    "?a=NaN&b=1e5&c=01&d=true&e=%22s%22",
    "?a;b=1",
    "?=x",
    "?a=" + "9" * 30,
)
_ECHO = (
    *_ROUTES,
    *(_typed(text, kind) for text in _TEXTS for kind in _TYPES),
    *(get(query) for query in _QUERIES),
    get("?long=" + "x" * 5000),
    *_ID_TABLE,
    *(post("x", **{name: "i" * 101}) for name in _IDS),
    *(post("x", **{name: "i" * 100}) for name in _IDS),
    post("x", **dict.fromkeys(_IDS, "i" * 101)),
    Ask(None, "GET", "/", (("x-request-id", "i" * 101),)),
    Ask(None, "GET", "/nowhere", (("x-request-id", "mine"), ("TraceId", "t"))),
    post("x", TraceId="trace"),
    post("x", traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    Ask(b"x", headers=(("X-Request-Id", ""),)),
    Ask(b"x", headers=(("X-Request-Id", "with space, comma"),)),
)
_HEADERS = (
    Ask(b"x", headers=(("x-mixed-CASE", "v"), ("Content-Type", "text/plain"))),
    Ask(b"x", headers=(("X-Twice", "1"), ("X-Twice", "2"))),
    Ask(b"xyz", headers=(("Authorization", "Bearer key"),)),
    Ask(b"x", headers=(("X-Mixed-Case", "caf\xe9"),)),
    get("?a=1", ("X-Mixed-Case", "")),
)
_ROW = [5.1, 3.5, 1.4, 0.2]
_JOBLIB = (
    post({"data": [_ROW]}),
    post({"data": [_ROW] * 100}),
    post({"data": [[1, 2]]}),
    post({"rows": 1}),
    Ask(b""),
    Ask(b"nonsense"),
    get("?data=[[5.1,3.5,1.4,0.2]]"),
)
_ONNX = (
    post({"data": [[1, 2, 3]]}),
    post({"data": [[1.5, -2, 0.25]] * 200}),
    post({"data": [[1, 2]]}),
    post({"data": []}),
    post({"rows": 1}),
    Ask(b"nonsense"),
    get("?data=[[1,2,3]]"),
)
_SEVERAL = (
    post({"model": "first", "rows": [[2]]}),
    post({"model": "second", "rows": [[2]]}),
    post({"model": "third", "rows": [[2]]}),
)
_OBJECTS = (
    Ask(b""),
    Ask(b"   "),
    Ask(b"[]"),
    Ask(b"null"),
    Ask(b'"text"'),
    Ask(b"{"),
    Ask(b"{}"),
    Ask(b"\xff{}"),
    Ask(b'{"data": 1} trailing'),
    Ask(b"[" * 100_000),
    *(_typed(b"{}", kind) for kind in _TYPES),
    *(
        _typed(b"{}", kind)
        for kind in ("application/vnd.mine+json", "text/json", "Application/JSON")
    ),
    *_ROUTES[-9:],
    Ask(None, "OPTIONS", "/score", ()),
    Ask(None, "PUT", "/score", ()),
)
_NUMPY = (
    *_OBJECTS,
    post({"data": [[1, 2, 3]]}),
    post({"data": [[1, 2, 3], [4, 5, 6.5]], "ignored": True}),
    post({"data": []}),
    post({"data": [[]]}),
    post({"data": [[1, 2]]}),
    post({"data": [1, 2, 3]}),
    post({"data": [["a", "b", "c"]]}),
    post({"data": [["1", "2", "3"]]}),
    post({"data": [[None, 2, 3]]}),
    post({"data": 5}),
    post({"data": None}),
    post({"Data": [[1, 2, 3]]}),
    post({"data": [[True, 1e400, -0.0]]}),
    get("?data=[[1,2,3]]"),
    get("?data=1"),
    get(),
)
_PERSON = {"age": 41, "name": "Ann", "since": "2020-01-02"}
_PANDAS = (
    *_OBJECTS,
    post({"table": [_PERSON]}),
    post({"table": [_PERSON, _PERSON | {"age": "7"}]}),
    post({"table": [_PERSON | {"more": 1}]}),
    post({"table": [{"age": 1}]}),
    post({"table": [{"name": "x", "since": "2020-01-02", "age": 3}]}),
    post({"table": []}),
    post({"table": {}}),
    post({"table": "no"}),
    post({"table": [[41, "Ann", "2020-01-02"]]}),
    post({"table": [_PERSON | {"since": "nonsense"}]}),
)
_STANDARD = {"count": 2, "ratio": 1.5, "names": ["x"]}
_STANDARDS = (
    *_OBJECTS,
    post(_STANDARD),
    post(_STANDARD | {"when": "2020-02-29"}),
    post(_STANDARD | {"when": "29.2.2020"}),
    post(_STANDARD | {"when": None}),
    post(_STANDARD | {"ratio": 2}),
    post(_STANDARD | {"count": 2.0}),
    post(_STANDARD | {"count": True}),
    post(_STANDARD | {"count": "2"}),
    post(_STANDARD | {"names": "x"}),
    post({"count": 1, "ratio": 1.0}),
    get("?count=2&ratio=1.5&names=[1]"),
    get("?count=2&ratio=1.5&names=1&names=2"),
)
_NESTED_ROW = {"input1": [{"x": 1.5, "y": "b"}], "input2": [[3, 4]], "plain": 1}
_NESTED = (
    *_OBJECTS,
    post({"Inputs": _NESTED_ROW, "GlobalParameters": 2.0}),
    post({"Inputs": _NESTED_ROW}),
    post({"inputs": _NESTED_ROW, "GlobalParameters": 2.0}),
    post({"Inputs": {"input1": []}, "GlobalParameters": 2.0}),
    post({"Inputs": _NESTED_ROW | {"extra": 1}, "GlobalParameters": 2}),
    post({"Inputs": [], "GlobalParameters": 2.0}),
    post({"Inputs": _NESTED_ROW, "GlobalParameters": "no"}),
)
_LOOSE = (
    post({"data": [[1, 2], [3, 4]], "flag": [True]}),
    post({"data": [1, "two"], "flag": [0, 1]}),
    post({"data": [[1], [2, 3]], "flag": [True]}),
    *(Ask(None, "GET", f"/swagger.json{query}", ()) for query in _DOCUMENTS),
)
_RAW = (
    *_ROUTES,
    *(get(f"?kind={kind}") for kind in ("json", "none", "headers", "type", "broken", "refused")),
    get("?kind=plain"),
    get("?kind=none&code=204"),
    get("?a=1&b=%20x%C3%A9"),
    get(),
    Ask(b"\x00\xff binary", headers=(("Content-Type", "application/octet-stream"),)),
    Ask(b""),
    Ask(b"body", "PATCH"),
    *_ID_TABLE,
)
_IMAGE = (
    _form(),
    Ask(b"a=1&b=2&b=%C3%A9", headers=(("Content-Type", "application/x-www-form-urlencoded"),)),
    Ask(b'{"a": 1}'),
    Ask(b"{", headers=(("Content-Type", "application/json"),)),
    Ask(b"", headers=(("Content-Type", "multipart/form-data; boundary=b"),)),
)
_FLASK = (get(), get("?status=404"), get("?status=500"), get("?stream=1"), Ask(b"x"))
_VALUES = tuple(
    Ask(name.encode())
    for name in [
        "nan",
        "infinity",
        "big",
        "negative",
        "none",
        "true",
        "text",
        "unicode",
        "surrogate",
        "tuple",
        "keys",
        "floats",
        "empty",
        "deep",
        "set",
        "array",
        "scalar",
        "numpy_int",
        "bad_key",
        "generator_inside",
        "exception",
        "object",
        "json_text",
        "dict_subclass",
        "int_subclass",
        "unknown",
    ]
)
_RAISES = tuple(
    Ask(text.encode())
    for text in ("own", "chain", "timeout", "recursion", "assert", "{", '{"data": []}')
)
_CORS = (
    *(Ask(b"x", headers=(JSON, *origin)) for origin in ((), (_ORIGIN,))),
    Ask(b"x", headers=(JSON, ("Origin", "http://b.example"))),
    Ask(b"x", headers=(JSON, ("Origin", "https://evil.example"))),
    Ask(b"x", headers=(JSON, ("Origin", "null"))),
    *(
        Ask(
            None,
            "OPTIONS",
            path,
            (("Origin", origin), ("Access-Control-Request-Method", method), *more),
        )
        for path in ("/score", "/")
        for origin in ("http://a.example", "https://evil.example")
        for method in ("POST", "DELETE")
        for more in ((), (("Access-Control-Request-Headers", "authorization, content-type"),))
    ),
    Ask(None, "GET", "/", (_ORIGIN,)),
    Ask(None, "GET", "/nowhere", (_ORIGIN,)),
)
_DOCUMENT_ASKS = tuple(
    Ask(None, "GET", f"/swagger.json{query}", ()) for query in (*_DOCUMENTS, "?version=4")
)
_MODELS = ("--entry_script", "score.py", "--model_dir", "models")
_OWN = ("--entry_script", "score.py")

CASES = (
    Case("echo", _ECHO),
    Case("headers", _HEADERS),
    Case("joblib_model", _JOBLIB, _MODELS),
    Case("onnx_model", _ONNX, _MODELS),
    Case("several_models", _SEVERAL, _MODELS),
    Case("schema_numpy", _NUMPY),
    Case("schema_numpy_loose", _LOOSE),
    Case("schema_pandas", _PANDAS),
    Case("schema_standard", _STANDARDS),
    Case("schema_nested", _NESTED),
    Case("raw_http", _RAW),
    Case("raw_image", _IMAGE),
    Case("raw_flask", _FLASK),
    Case("values", _VALUES),
    Case("raises", _RAISES),
    Case("driver", (Ask(b"x"), get("?a=1"), *_DOCUMENT_ASKS), ("--entry_script", "main.py")),
    Case("positional_default", (Ask(b"x"), get("?threshold=1"), *_DOCUMENT_ASKS)),
    Case("prints", (Ask(b"x"),)),
    Case("custom_documents", _DOCUMENT_ASKS),
    Case("custom_document", _DOCUMENT_ASKS),
    Case("configured", (Ask(b"x"), *_DOCUMENT_ASKS)),
    Case(
        "package",
        (Ask(b"1234"),),
        ("--entry_script", "source/score.py"),
        (("AZUREML_SOURCE_DIRECTORY", "source"),),
    ),
    Case(
        "variables",
        (Ask(b"x"), Ask(b"x"), get(), *_DOCUMENT_ASKS),
        (*_OWN, "--model_dir", "azureml-models/one/1"),
        (("MY_SETTING", "mine"), ("SERVICE_NAME", "named")),
    ),
    Case(
        "slow",
        (Ask(b"0"), Ask(b"5"), Ask(b"spin"), Ask(b"0.01")),
        variables=(("SCORING_TIMEOUT_MS", "400"),),
    ),
    Case("echo", _CORS, variables=(("AML_CORS_ORIGINS", "*"),)),
    Case("echo", _CORS, variables=(("AML_CORS_ORIGINS", "http://a.example, http://b.example"),)),
    Case("raw_http", _CORS, variables=(("AML_CORS_ORIGINS", "http://a.example"),)),
    Case("echo", (Ask(b"x"),), variables=(("SERVER_VERSION_LOG_RESPONSE_ENABLED", "false"),)),
    Case(
        "echo",
        _DOCUMENT_ASKS,
        variables=(("SERVICE_PATH_PREFIX", "/api/v1"), ("SERVICE_VERSION", "2.5")),
    ),
)
FAILING = [
    "missing_init",
    "missing_run",
    "init_raises",
    "syntax_error",
    "import_fails",
    "run_without_argument",
    "run_stars",
    "run_keywords",
    "run_positional_only",
    "only_headers",
    "init_exits",
    "exits_at_import",
    "init_with_argument",
    "raw_and_schema",
]
