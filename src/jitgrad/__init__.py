"""Derivatives of functions that come without derivative code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jitgrad._errors import CudaUnavailableError as CudaUnavailableError
from jitgrad._errors import LanesUnavailableError as LanesUnavailableError
from jitgrad._errors import LossCompileError as LossCompileError
from jitgrad._errors import PrecisionWarning as PrecisionWarning
from jitgrad._errors import WorkerLostError as WorkerLostError
from jitgrad.estimators import SPSA as SPSA
from jitgrad.estimators import Smoothing as Smoothing
from jitgrad.gradient import grad_cpu as grad_cpu
from jitgrad.gradient import gradient_of as gradient_of
from jitgrad.gradient import value_and_grad_cpu as value_and_grad_cpu
from jitgrad.gradient_cuda import grad_cuda as grad_cuda
from jitgrad.gradient_cuda import value_and_grad_cuda as value_and_grad_cuda
from jitgrad.inline import jit_grad as jit_grad
from jitgrad.loss.separable import Separable as Separable
from jitgrad.steps import Absolute as Absolute
from jitgrad.steps import Auto as Auto
from jitgrad.steps import Relative as Relative
from jitgrad.steps import Textbook as Textbook

if TYPE_CHECKING:
    from jitgrad._result import Estimate as Estimate
    from jitgrad.bridges.jax import jax_layer as jax_layer
    from jitgrad.bridges.jax import jax_loss as jax_loss
    from jitgrad.bridges.scipy import scipy_function as scipy_function
    from jitgrad.bridges.scipy import scipy_loss as scipy_loss
    from jitgrad.bridges.tensorflow import tf_layer as tf_layer
    from jitgrad.bridges.tensorflow import tf_loss as tf_loss
    from jitgrad.bridges.torch import torch_custom_op as torch_custom_op
    from jitgrad.bridges.torch import torch_layer as torch_layer
    from jitgrad.bridges.torch import torch_loss as torch_loss
    from jitgrad.check import GradientCheck as GradientCheck
    from jitgrad.check import check_gradient as check_gradient
    from jitgrad.estimate import estimate_blackbox as estimate_blackbox
    from jitgrad.estimate import estimate_cpu as estimate_cpu
    from jitgrad.estimate import estimate_cuda as estimate_cuda
    from jitgrad.estimate_noise import noise_cpu as noise_cpu
    from jitgrad.explanation import Explanation as Explanation
    from jitgrad.explanation import explain as explain
    from jitgrad.extrapolation import PolynomialFit as PolynomialFit
    from jitgrad.extrapolation import Richardson as Richardson
    from jitgrad.extrapolation import Ridders as Ridders
    from jitgrad.gradient_blackbox import grad_blackbox as grad_blackbox
    from jitgrad.gradient_blackbox import value_and_grad_blackbox as value_and_grad_blackbox
    from jitgrad.hessian import hessian_cpu as hessian_cpu
    from jitgrad.hessian import hessian_of as hessian_of
    from jitgrad.hessian import hvp_cpu as hvp_cpu
    from jitgrad.hessian import hvp_of as hvp_of
    from jitgrad.jacobian import jacobian_cpu as jacobian_cpu
    from jitgrad.jacobian import jacobian_of as jacobian_of
    from jitgrad.jacobian import values_cpu as values_cpu
    from jitgrad.jacobian import values_of as values_of
    from jitgrad.products import jvp_cpu as jvp_cpu
    from jitgrad.products import jvp_of as jvp_of
    from jitgrad.products import vjp_cpu as vjp_cpu
    from jitgrad.products import vjp_of as vjp_of
    from jitgrad.steps.curtis_reid import CurtisReid as CurtisReid
    from jitgrad.steps.dumontet_vignes import DumontetVignes as DumontetVignes
    from jitgrad.steps.gill import Gill as Gill
    from jitgrad.steps.kostyrka import Kostyrka as Kostyrka
    from jitgrad.steps.mathur import Mathur as Mathur
    from jitgrad.steps.more_wild import MoreWild as MoreWild
    from jitgrad.steps.plug_in import PlugIn as PlugIn
    from jitgrad.steps.shi import Shi as Shi
    from jitgrad.steps.stepleman_winarsky import SteplemanWinarsky as SteplemanWinarsky

__version__ = "0.1.0"

# Imported when they are first asked for: together they take as long as the rest of the package.
_LAZY = {
    "CurtisReid": "jitgrad.steps.curtis_reid",
    "DumontetVignes": "jitgrad.steps.dumontet_vignes",
    "Estimate": "jitgrad._result",
    "Explanation": "jitgrad.explanation",
    "Gill": "jitgrad.steps.gill",
    "GradientCheck": "jitgrad.check",
    "Kostyrka": "jitgrad.steps.kostyrka",
    "Mathur": "jitgrad.steps.mathur",
    "MoreWild": "jitgrad.steps.more_wild",
    "PlugIn": "jitgrad.steps.plug_in",
    "PolynomialFit": "jitgrad.extrapolation",
    "Richardson": "jitgrad.extrapolation",
    "Ridders": "jitgrad.extrapolation",
    "Shi": "jitgrad.steps.shi",
    "SteplemanWinarsky": "jitgrad.steps.stepleman_winarsky",
    "check_gradient": "jitgrad.check",
    "estimate_blackbox": "jitgrad.estimate",
    "estimate_cpu": "jitgrad.estimate",
    "estimate_cuda": "jitgrad.estimate",
    "explain": "jitgrad.explanation",
    "grad_blackbox": "jitgrad.gradient_blackbox",
    "hessian_cpu": "jitgrad.hessian",
    "hessian_of": "jitgrad.hessian",
    "hvp_cpu": "jitgrad.hessian",
    "hvp_of": "jitgrad.hessian",
    "jacobian_cpu": "jitgrad.jacobian",
    "jacobian_of": "jitgrad.jacobian",
    "jax_layer": "jitgrad.bridges.jax",
    "jax_loss": "jitgrad.bridges.jax",
    "jvp_cpu": "jitgrad.products",
    "jvp_of": "jitgrad.products",
    "noise_cpu": "jitgrad.estimate_noise",
    "scipy_function": "jitgrad.bridges.scipy",
    "scipy_loss": "jitgrad.bridges.scipy",
    "tf_layer": "jitgrad.bridges.tensorflow",
    "tf_loss": "jitgrad.bridges.tensorflow",
    "torch_custom_op": "jitgrad.bridges.torch",
    "torch_layer": "jitgrad.bridges.torch",
    "torch_loss": "jitgrad.bridges.torch",
    "value_and_grad_blackbox": "jitgrad.gradient_blackbox",
    "values_cpu": "jitgrad.jacobian",
    "values_of": "jitgrad.jacobian",
    "vjp_cpu": "jitgrad.products",
    "vjp_of": "jitgrad.products",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_LAZY[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
