"""Derivatives of functions that come without derivative code."""

from jitgrad._errors import CudaUnavailableError as CudaUnavailableError
from jitgrad._errors import LossCompileError as LossCompileError
from jitgrad.gradient import grad_cpu as grad_cpu
from jitgrad.gradient import gradient_of as gradient_of
from jitgrad.gradient import value_and_grad_cpu as value_and_grad_cpu
from jitgrad.inline import jit_grad as jit_grad
from jitgrad.steps import Absolute as Absolute
from jitgrad.steps import Relative as Relative
from jitgrad.steps import Textbook as Textbook

__version__ = "0.1.0"
