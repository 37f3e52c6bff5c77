"""Combining a formula at several steps: one file per rule."""

from jitgrad.extrapolation.polynomial import PolynomialFit as PolynomialFit
from jitgrad.extrapolation.richardson import Richardson as Richardson
from jitgrad.extrapolation.ridders import Ridders as Ridders
from jitgrad.extrapolation.rule import Extrapolated as Extrapolated
from jitgrad.extrapolation.rule import Extrapolation as Extrapolation
