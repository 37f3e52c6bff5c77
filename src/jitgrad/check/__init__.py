"""Checking a gradient that was written by hand."""

from jitgrad.check.compare import check_gradient as check_gradient
from jitgrad.check.result import GradientCheck as GradientCheck
from jitgrad.check.verdict import Verdict as Verdict
