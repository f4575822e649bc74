"""The names that `discretion` lets through: none of them can write, reach a process, or run a text or a name.

What is missing costs time alone. What is added must not take a file, evaluate a string, call a method by its name, or
return a module or a frame.
"""

from __future__ import annotations

import builtins


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NO_BUILTINS = _words(
    "open exec eval compile globals locals vars dir getattr setattr delattr input breakpoint help exit quit "
    "copyright credits license memoryview aiter anext"
)

BUILTINS = frozenset(name for name in dir(builtins) if not name.startswith("_")) - _NO_BUILTINS
"""Builtin names that may be read."""

SPECIAL_METHODS = frozenset(
    f"__{name}__"
    for name in _words(
        "init repr str format bool len iter next contains getitem setitem delitem call enter exit hash eq ne lt "
        "le gt ge add radd iadd sub rsub isub mul rmul imul matmul rmatmul truediv rtruediv floordiv rfloordiv "
        "mod rmod pow rpow and or xor neg pos abs invert int float complex round index reversed post_init"
    )
)
"""Methods with two underscores that a learner's class may define and call."""

SPECIAL = SPECIAL_METHODS | {"__name__", "__doc__", "__class__"}
"""Attributes with two underscores that may be asked for."""

METHODS = _words(
    # collections, itertools, functools, fractions, re
    "most_common subtract total elements appendleft popleft extendleft rotate maxlen move_to_end from_iterable "
    "numerator denominator limit_denominator group groups groupdict start end span match search fullmatch findall "
    "finditer sub subn split default_factory cache_clear cache_info name value with_traceback add_note args "
    # exceptions and properties
    "setter getter deleter "
    # numpy
    "shape ndim size dtype nbytes itemsize T real imag flat all any argmax argmin argsort astype choose clip conj "
    "copy cumprod cumsum diagonal dot fill flatten item max mean min nonzero prod ptp ravel repeat reshape round "
    "searchsorted sort squeeze std sum swapaxes tolist trace transpose var normal uniform integers choice random "
    "shuffle permutation standard_normal poisson binomial exponential reduce accumulate outer "
    # pandas
    "loc iloc at iat columns index values name names head tail isna notna isnull notnull dropna fillna drop "
    "drop_duplicates duplicated groupby size nunique unique value_counts sort_values sort_index reset_index "
    "set_index merge join assign median mode quantile describe corr cov cummax cummin diff pct_change rank shift "
    "rolling expanding idxmax idxmin nlargest nsmallest between isin map str dt rename add sub mul div mod pow "
    "abs empty to_list to_dict to_frame to_numpy items iterrows itertuples keys where mask explode stack unstack "
    "melt ffill bfill sample year month day hour minute second weekday dayofweek quarter date time contains cat "
    "get_group ngroup first last nth count"
)
"""Attributes of library objects that may be asked for, beside those of the builtin types of data."""

_RANDOM = "random randint randrange choice choices sample shuffle uniform gauss normalvariate triangular seed Random"
_STATISTICS = (
    "mean fmean geometric_mean harmonic_mean median median_low median_high median_grouped mode multimode "
    "quantiles pstdev pvariance stdev variance covariance correlation linear_regression NormalDist"
)
_ITERTOOLS = (
    "accumulate batched chain combinations combinations_with_replacement compress count cycle dropwhile "
    "filterfalse groupby islice pairwise permutations product repeat starmap takewhile tee zip_longest"
)
_MATH = (
    "acos acosh asin asinh atan atan2 atanh cbrt ceil comb copysign cos cosh degrees dist e erf erfc exp exp2 "
    "expm1 fabs factorial floor fmod frexp fsum gamma gcd hypot inf isclose isfinite isinf isnan isqrt lcm ldexp "
    "lgamma log log10 log1p log2 modf nan nextafter perm pi pow prod radians remainder sin sinh sqrt tan tanh tau "
    "trunc ulp"
)
_NUMPY = (
    "abs absolute add all allclose amax amin any append arange arccos arccosh arcsin arcsinh arctan arctan2 "
    "arctanh argmax argmin argsort argwhere around array array_equal array_split asarray atleast_1d atleast_2d "
    "average bincount bool_ broadcast_to cbrt ceil clip column_stack concatenate convolve copy corrcoef cos cosh "
    "count_nonzero cov cross cumprod cumsum deg2rad degrees delete diag diagonal diff digitize divide dot dstack "
    "e ediff1d einsum empty empty_like equal exp expand_dims expm1 eye fabs flatnonzero flip fliplr flipud "
    "float32 float64 floor floor_divide fmax fmin fmod full full_like gradient greater greater_equal histogram "
    "hsplit hstack hypot identity inf inner insert int32 int64 integer floating number interp intersect1d isclose "
    "isfinite isin isinf isnan ix_ kron less less_equal lexsort linspace log log10 log1p log2 logical_and "
    "logical_not logical_or logical_xor logspace max maximum mean median meshgrid min minimum mod moveaxis "
    "multiply nan nan_to_num nanmax nanmean nanmedian nanmin nanpercentile nanstd nansum nanvar negative newaxis "
    "nonzero not_equal ones ones_like outer pad percentile pi polyfit polyval power prod ptp quantile rad2deg "
    "radians ravel reciprocal remainder repeat reshape roll rollaxis rot90 round searchsorted select setdiff1d "
    "sign sin sinh sort split sqrt square squeeze stack std subtract sum swapaxes take tan tanh tensordot tile "
    "trace transpose trapezoid tri tril triu true_divide trunc union1d unique var vdot vsplit vstack where zeros "
    "zeros_like"
)

MODULES = {
    name: _words(names)
    for name, names in {
        "math": _MATH,
        "cmath": (
            "acos acosh asin asinh atan atanh cos cosh e exp inf isclose isfinite isinf isnan log log10 nan phase "
            "pi polar rect sin sinh sqrt tan tanh tau"
        ),
        "random": _RANDOM,
        "statistics": _STATISTICS,
        "itertools": _ITERTOOLS,
        "functools": "cache cached_property cmp_to_key lru_cache partial reduce total_ordering wraps",
        "collections": "Counter OrderedDict defaultdict deque namedtuple ChainMap",
        "string": (
            "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits octdigits printable punctuation "
            "whitespace capwords"
        ),
        "re": (
            "compile match search fullmatch findall finditer sub subn split escape IGNORECASE MULTILINE DOTALL "
            "VERBOSE I M S X"
        ),
        "copy": "copy deepcopy",
        "heapq": "heappush heappop heapify heapreplace heappushpop nlargest nsmallest merge",
        "bisect": "bisect bisect_left bisect_right insort insort_left insort_right",
        "datetime": "date time datetime timedelta timezone UTC",
        "decimal": "Decimal ROUND_HALF_UP ROUND_HALF_EVEN ROUND_DOWN ROUND_UP InvalidOperation",
        "fractions": "Fraction",
        "dataclasses": "dataclass field",
        "enum": "Enum IntEnum auto",
        "abc": "ABC abstractmethod",
        "typing": "Any Callable Dict Generator Iterable Iterator List Optional Sequence Set Tuple Union",
        "collections.abc": "Callable Generator Iterable Iterator Mapping Sequence Set",
        "numpy": _NUMPY,
        "numpy.linalg": "norm inv det solve lstsq eig eigh eigvals svd qr cholesky matrix_rank matrix_power pinv",
        "numpy.random": (
            "seed rand randn randint random choice normal uniform permutation shuffle default_rng binomial "
            "poisson exponential"
        ),
        "pandas": (
            "DataFrame Series Index Categorical Timestamp Timedelta NA NaT concat merge to_datetime to_numeric "
            "cut qcut date_range isna notna isnull notnull unique factorize get_dummies melt"
        ),
    }.items()
}
"""Modules that may be imported, each with what may be asked of it."""

READERS = _words("read_csv read_excel read_json read_table read_parquet loadtxt genfromtxt load_dataset")
"""What an author's cell may be asked to load data with, besides."""
