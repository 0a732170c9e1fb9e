"""Which globals a pickle or a skops archive may name: everything else is refused.

A pickle can call any global it names, with any arguments. So a name is allowed only if *every*
call of it is harmless, whatever the arguments:

- ``EXACT``: names written by Python, numpy, pandas, scipy, joblib and the compiled parts of
  scikit-learn when they pickle data. Constructors of plain values; no function that opens files,
  imports, evaluates text, or calls what it is given.
- Estimators: a *class*, defined in the very module that is named (a module's other attributes -
  what it imported - do not count), in a listed library, outside its tests, and derived from one
  of ``_BASES``. Their constructors store parameters, their ``__setstate__`` fills ``__dict__``.
- Numeric functions that estimators keep as parameters (``f_classif``, ``numpy.log1p``), defined in
  the very module that is named: they may be referred to, not called. (A pickle can still have one
  called, with one argument, by putting it where an object looks for ``__setstate__``; so they are
  such as only compute.)

Left out on purpose, since deny-lists have been passed with them: ``getattr``, ``eval``, ``map``,
``type``, ``operator.*``, ``functools.*`` (a partial is a call kept for later), ``numpy.load`` and
everything of numpy not listed, scikit-learn's functions, ``copyreg`` extension codes,
``scipy.stats`` distributions (their ``__setstate__`` builds source text and runs ``exec``),
dotted names (an attribute of an attribute reaches any module).

This keeps code from running when a model is loaded. It does not keep crafted data from crashing the
process, as a tree with false indices can, nor does it prove what the allowed classes do when the
model predicts; of those that call a method by its name, or what an attribute names on what a
request holds, ``callers`` checks the attributes.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
from dataclasses import dataclass
from functools import cache
from typing import Literal

Use = Literal["call", "refer"]


def _names(text: str) -> frozenset[tuple[str, str]]:
    """Read lines ``module: name name …``."""
    pairs = set()
    for line in text.strip().splitlines():
        modules, _, names = line.partition(":")
        for module in modules.split(","):
            pairs |= {(module.strip(), name) for name in names.split()}
    return frozenset(pairs)


EXACT = _names("""
builtins: bool bytearray bytes complex dict float frozenset int list object range set slice str
builtins: tuple
collections: Counter OrderedDict defaultdict deque
copyreg: _reconstructor __newobj__
datetime: date datetime time timedelta timezone
decimal: Decimal
fractions: Fraction
uuid: UUID
_codecs: encode
numpy: dtype ndarray matrix bool bool_ object_ str_ bytes_ void datetime64 timedelta64
numpy: int8 int16 int32 int64 intc intp longlong uint8 uint16 uint32 uint64 uintc uintp ulonglong
numpy: float16 float32 float64 longdouble complex64 complex128 clongdouble
numpy.core.multiarray, numpy._core.multiarray: _reconstruct scalar
numpy.core.numeric, numpy._core.numeric: _frombuffer
numpy.ma.core, numpy.ma: _mareconstruct MaskedArray
numpy.matrixlib.defmatrix: matrix
numpy.dtypes: Int8DType Int16DType Int32DType Int64DType Float32DType Float64DType StringDType
numpy.random._pickle: __randomstate_ctor __generator_ctor __bit_generator_ctor
numpy.random.mtrand: RandomState
numpy.random._generator: Generator
numpy.random._mt19937: MT19937
numpy.random._pcg64: PCG64 PCG64DXSM
numpy.random._philox: Philox
numpy.random._sfc64: SFC64
numpy.random.bit_generator: SeedSequence __pyx_unpickle_SeedSequence
scipy.interpolate._interpolate, scipy.interpolate.interpolate: interp1d
scipy.interpolate._bsplines: BSpline
scipy.sparse._csr, scipy.sparse.csr: csr_matrix csr_array
scipy.sparse._csc, scipy.sparse.csc: csc_matrix csc_array
scipy.sparse._coo, scipy.sparse.coo: coo_matrix coo_array
scipy.sparse._dia: dia_matrix dia_array
scipy.sparse._lil: lil_matrix lil_array
scipy.sparse._dok: dok_matrix dok_array
scipy.sparse._bsr: bsr_matrix bsr_array
joblib.numpy_pickle: NumpyArrayWrapper
pandas: Categorical Interval Period Timedelta Timestamp
pandas.arrays: BooleanArray Categorical DatetimeArray FloatingArray IntegerArray IntervalArray
pandas.arrays: NumpyExtensionArray PeriodArray StringArray TimedeltaArray
pandas._libs.tslibs.offsets: Day Hour Minute Second Milli Micro Nano BusinessDay Week
pandas._libs.tslibs.offsets: MonthBegin MonthEnd QuarterBegin QuarterEnd YearBegin YearEnd
pandas, pandas.core.frame: DataFrame
pandas, pandas.core.series: Series
pandas: Index RangeIndex MultiIndex CategoricalIndex DatetimeIndex
pandas: CategoricalDtype StringDtype Int64Dtype Int32Dtype Float64Dtype BooleanDtype DatetimeTZDtype
pandas.core.internals.managers: BlockManager SingleBlockManager
pandas.core.internals.blocks: new_block
pandas._libs.internals: _unpickle_block BlockManager SingleBlockManager BlockPlacement
pandas.core.indexes.base: Index _new_Index
pandas.core.indexes.range: RangeIndex
pandas.core.indexes.multi: MultiIndex
pandas.core.indexes.category: CategoricalIndex
pandas.core.indexes.datetimes: DatetimeIndex _new_DatetimeIndex
pandas.core.indexes.timedeltas: TimedeltaIndex
pandas.core.indexes.interval: IntervalIndex _new_IntervalIndex
pandas.core.indexes.frozen: FrozenList
pandas.core.arrays.categorical: Categorical
pandas.core.arrays.datetimes: DatetimeArray
pandas.core.arrays.timedeltas: TimedeltaArray
pandas.core.arrays.integer: IntegerArray Int8Dtype Int16Dtype Int32Dtype Int64Dtype
pandas.core.arrays.floating: FloatingArray Float32Dtype Float64Dtype
pandas.core.arrays.boolean: BooleanArray BooleanDtype
pandas.core.arrays.string_: StringArray StringDtype
pandas.core.arrays.numpy_: NumpyExtensionArray
pandas.core.arrays.interval: IntervalArray
pandas.core.dtypes.dtypes: CategoricalDtype DatetimeTZDtype IntervalDtype NumpyEADtype
pandas._libs.arrays: __pyx_unpickle_NDArrayBacked
pandas._libs.missing: NAType _get_na
pandas._libs.tslibs.nattype: _nat_unpickle
pandas._libs.tslibs.timestamps: _unpickle_timestamp Timestamp
pandas._libs.tslibs.timedeltas: _timedelta_unpickle Timedelta
sklearn.tree._tree: Tree
sklearn.ensemble._hist_gradient_boosting.binning: _BinMapper
sklearn.ensemble._hist_gradient_boosting.predictor: TreePredictor
sklearn.neighbors._kd_tree: KDTree KDTree64 KDTree32 newObj
sklearn.neighbors._ball_tree: BallTree BallTree64 BallTree32 newObj
sklearn.metrics._dist_metrics: newObj
sklearn.utils._bunch: Bunch
sklearn.utils: Bunch
sklearn.utils._random: __pyx_unpickle_Enum
sklearn.calibration: _CalibratedClassifier _SigmoidCalibration
sklearn._loss._loss: __pyx_unpickle_CyHalfMultinomialLoss __pyx_unpickle_CyLossFunction
sklearn.cluster._birch: _CFNode _CFSubcluster
sklearn.cluster._bisect_k_means: _BisectingTree
sklearn.neural_network._stochastic_optimizers: AdamOptimizer SGDOptimizer
sklearn.metrics._scorer: _Scorer _PredictScorer _PassthroughScorer _MultimetricScorer
sklearn.utils.metadata_routing, sklearn.utils._metadata_requests: MetadataRequest
sklearn.utils.metadata_routing, sklearn.utils._metadata_requests: MethodMetadataRequest
xgboost.core: Booster
xgboost.compat: XGBoostLabelEncoder
lightgbm.basic: Booster
lightgbm.compat: _LGBMLabelEncoder
""") | _names("""
sklearn.linear_model._sgd_fast: EpsilonInsensitive Hinge Huber Log ModifiedHuber
sklearn.linear_model._sgd_fast: SquaredEpsilonInsensitive
sklearn.linear_model._sgd_fast: SquaredHinge SquaredLoss
sklearn._loss._loss: CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss
sklearn._loss._loss: CyHalfMultinomialLoss
sklearn._loss._loss: CyHalfPoissonLoss CyHalfSquaredError CyHalfTweedieLoss
sklearn._loss._loss: CyHalfTweedieLossIdentity
sklearn._loss._loss: CyHuberLoss CyPinballLoss
sklearn._loss.loss: AbsoluteError BaseLoss ExponentialLoss HalfBinomialLoss HalfGammaLoss
sklearn._loss.loss: HalfMultinomialLoss
sklearn._loss.loss: HalfPoissonLoss HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity
sklearn._loss.loss: HuberLoss PinballLoss
sklearn._loss.link: HalfLogitLink IdentityLink Interval LogLink LogitLink MultinomialLogit
""")

# Numeric functions that objects keep; a pickle may refer to them, not call them.
FUNCTIONS = _names("""
numpy: mean median max min sum std var
scipy._lib.array_api_compat.numpy._aliases: asarray
sklearn.cluster._kmeans: _kmeans_single_lloyd _kmeans_single_elkan
""")

# What torch writes; its tensors are read by torch's own unpickler, which knows persistent ids.
TORCH = _names("""
torch._utils: _rebuild_tensor _rebuild_tensor_v2 _rebuild_parameter
torch: FloatStorage DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage
torch: CharStorage ByteStorage BoolStorage Size device dtype float32 float64 float16 bfloat16 int64
torch: int32
torch.storage: UntypedStorage TypedStorage
torch.nn.parameter: Parameter
""")

_BASES = (
    ("sklearn.base", "BaseEstimator"),
    ("sklearn.gaussian_process.kernels", "Kernel"),
    ("sklearn.gaussian_process.kernels", "Hyperparameter"),
    ("sklearn.model_selection._split", "BaseCrossValidator"),
    ("sklearn.model_selection._split", "_RepeatedSplits"),
    ("sklearn.model_selection._split", "BaseShuffleSplit"),
    ("sklearn.metrics._dist_metrics", "DistanceMetric"),
    ("sklearn.metrics._dist_metrics", "DistanceMetric32"),
    ("sklearn._loss._loss", "CyLossFunction"),
)

_LIBRARIES = {"sklearn", "xgboost", "lightgbm"}
_NOT_THERE = {"tests", "conftest", "externals", "_testing", "_mocking", "testing", "dask", "spark"}

_FUNCTION_MODULES = re.compile(
    r"sklearn\.metrics\._(classification|regression|ranking)"
    r"|sklearn\.metrics\.cluster\._(supervised|unsupervised)"
    r"|sklearn\.feature_selection\._(univariate_selection|mutual_info)"
)
_KNOWN_ROOTS = {"numpy", "scipy", "pandas", "joblib", *_LIBRARIES}
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Global:
    """A global, not looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


def is_allowed(module: str, name: str, use: Use, *, torch: bool = False) -> bool:
    """Say whether a pickle may name a global.

    Args:
        module: The module, as Python 3 knows it.
        name: The attribute, without dots.
        use: Whether the pickle calls it, or only keeps it as a value.
        torch: Whether torch's own unpickler reads the file.
    """
    if (module, name) in EXACT or (torch and (module, name) in TORCH):
        return True
    if not _PLAIN.fullmatch(name):
        return False
    if use == "refer" and is_numeric_function(module, name):
        return True
    return _is_estimator(module, name)


def is_allowed_type(path: str) -> bool:
    """Say the same of a type that a skops archive names, as ``module.Name``."""
    module, _, name = path.rpartition(".")
    return is_allowed(module, name, "refer")


def exists(module: str, name: str) -> bool:
    """Say whether a global may exist; only the listed libraries are imported to find out."""
    root, first = module.partition(".")[0], name.partition(".")[0]
    try:
        if root in _KNOWN_ROOTS:
            return hasattr(importlib.import_module(module), first)
        if module in sys.modules:
            return hasattr(sys.modules[module], first)
        return importlib.util.find_spec(root) is not None
    except (ImportError, ValueError):
        return False


def is_numeric_function(module: str, name: str) -> bool:
    """Say whether a global is one of the numeric functions."""
    if (module, name) in FUNCTIONS:
        return True
    if module == "numpy" or module.startswith("scipy.special"):
        return _is_ufunc(module, name)
    if not _FUNCTION_MODULES.fullmatch(module) or name.startswith("_"):
        return False
    found = _of_module(module, name)
    return inspect.isfunction(found) and found.__module__ == module


@cache
def _is_ufunc(module: str, name: str) -> bool:
    try:
        import numpy as np

        return isinstance(getattr(importlib.import_module(module), name, None), np.ufunc)
    except ImportError:
        return False


@cache
def _is_estimator(module: str, name: str) -> bool:
    parts = module.split(".")
    if parts[0] not in _LIBRARIES or _NOT_THERE & set(parts):
        return False
    if not all(_PLAIN.fullmatch(part) for part in parts):
        return False
    found = _of_module(module, name)
    return isinstance(found, type) and found.__module__ == module and issubclass(found, _bases())


@cache
def _of_module(module: str, name: str) -> object:
    try:
        return vars(importlib.import_module(module)).get(name)
    except ImportError:
        return None


@cache
def _bases() -> tuple[type, ...]:
    found = []
    for module, name in _BASES:
        try:
            base = getattr(importlib.import_module(module), name, None)
        except ImportError:
            continue
        if isinstance(base, type):
            found.append(base)
    return tuple(found)
