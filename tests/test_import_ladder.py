"""A module imports from its own row of the ladder and rows below only, and no optional package before it is used."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src"

LADDER = (
    ("_errors", "_types", "_check", "_jit"),
    ("loss",),
    ("launch",),
    ("stencils", "nodes"),
    ("steps", "extrapolation", "noise", "estimators"),
    ("formula",),
    ("ladder",),
    ("difference",),
    ("auto",),
    ("prepared",),
    (
        "gradient",
        "gradient_blackbox",
        "gradient_cuda",
        "inline",
        "check",
        "explanation",
        "jacobian",
        "products",
        "hessian",
    ),
    ("bridges",),
    ("plotting",),
    ("_result", "curves"),
    ("estimate", "estimate_noise", "estimate_sampled"),
    ("testing",),
    ("info", "demo"),
    ("__main__",),
)
RANKS = {name: rank for rank, row in enumerate(LADDER) for name in row}
# The package itself re-exports the public names, so only the top of the ladder may import it whole.
WHOLE_PACKAGE = RANKS["gradient"]

# The one module that imports numba.cuda; `jitgrad.loss.device` and `jitgrad.launch.cuda` are imported inside functions.
OF_CUDA = "jitgrad.loss.device.target"

OPTIONAL = (
    "cloudpickle",
    "distributed",
    "jax",
    "loky",
    "matplotlib",
    "mpi4py",
    "numba.cuda",
    "ray",
    "scipy",
    "tensorflow",
    "torch",
    "tqdm",
)


def module_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def at_module_level(tree: ast.Module) -> list[str]:
    """What importing the module imports: all statements outside functions, and not those for type checkers."""
    found = []
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found += imports(node) if isinstance(node, ast.Import | ast.ImportFrom) else []
            waiting += ast.iter_child_nodes(node)
    return found


def row_of(module: str) -> int:
    """Rank of a dotted name inside the package; names the package itself exports rank as the package."""
    part = module.split(".")[1] if "." in module else ""
    return RANKS.get(part, WHOLE_PACKAGE)


PATHS = sorted(path for path in SOURCE.rglob("*.py") if module_of(path) != "jitgrad")


@pytest.fixture(params=PATHS, ids=module_of)
def source(request):
    return module_of(request.param), ast.parse(request.param.read_text())


def test_every_module_stands_on_the_ladder(source):
    module, _ = source
    assert module.split(".")[1] in RANKS


def test_imports_go_down(source):
    module, tree = source
    inside = [name for name in imports(tree) if name == "jitgrad" or name.startswith("jitgrad.")]
    assert [name for name in inside if row_of(name) > row_of(module)] == []


def test_optional_packages_are_imported_inside_functions(source):
    module, tree = source
    if module.startswith("jitgrad.bridges."):  # nothing imports these but who asks for one; a test of its own says so
        return
    optional = [name for name in at_module_level(tree) if any(f"{name}.".startswith(f"{p}.") for p in OPTIONAL)]
    assert [name for name in optional if module != OF_CUDA or not name.startswith("numba.cuda")] == []


def test_bridges_are_imported_inside_functions(source):
    module, tree = source
    if not module.startswith("jitgrad.bridges."):
        assert [name for name in at_module_level(tree) if name.startswith("jitgrad.bridges")] == []


def test_a_bridge_imports_its_own_framework(source):
    module, tree = source
    if module.startswith("jitgrad.bridges."):
        own = module.split(".")[-1].removeprefix("_").split("_")[0]
        optional = {name.split(".")[0] for name in imports(tree)} & {"jax", "scipy", "tensorflow", "torch"}
        assert optional <= {own}


def test_what_needs_numba_cuda_is_imported_inside_functions(source):
    module, tree = source
    if not module.startswith(("jitgrad.loss.device", "jitgrad.launch.cuda.", "jitgrad.prepared.cuda.")):
        assert [name for name in at_module_level(tree) if name.startswith("jitgrad.loss.device")] == []


def test_numba_cuda_is_imported_in_one_place(source):
    module, tree = source
    places = [name for name in imports(tree) if name.startswith("numba.cuda")]
    assert module == OF_CUDA or places == []


def test_a_breach_is_seen():
    tree = ast.parse("from jitgrad.gradient import grad_cpu\ntry:\n    import scipy.optimize\nfinally:\n    pass")
    assert row_of(imports(tree)[0]) > row_of("jitgrad.launch.cpu")
    assert at_module_level(tree) == ["scipy.optimize", "jitgrad.gradient.grad_cpu"]
