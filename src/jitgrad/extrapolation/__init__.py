"""Combining a formula at several steps: one file per rule."""

from jitgrad.extrapolation.polynomial import PolynomialFit as PolynomialFit
from jitgrad.extrapolation.richardson import Richardson as Richardson
from jitgrad.extrapolation.ridders import Ridders as Ridders
