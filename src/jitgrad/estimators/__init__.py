"""Gradients from differences along random directions, for more coordinates than can be displaced one by one."""

from jitgrad.estimators.choice import SPSA as SPSA
from jitgrad.estimators.choice import RandomDirections as RandomDirections
from jitgrad.estimators.choice import Smoothing as Smoothing
from jitgrad.estimators.sampler import Sampled as Sampled
from jitgrad.estimators.sampler import Sampler as Sampler
from jitgrad.estimators.sampler import leaves_bounds as leaves_bounds
