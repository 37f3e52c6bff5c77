"""Functions of one number with exact derivatives, easy and awkward, to judge whoever claims to differentiate.

Most are to develop with, the others are set aside: `problems(held_out=True)`.
"""

from jitgrad.testing.problems.catalogue import KINDS as KINDS
from jitgrad.testing.problems.catalogue import problem as problem
from jitgrad.testing.problems.catalogue import problems as problems
from jitgrad.testing.problems.definition import Problem as Problem
from jitgrad.testing.problems.harness import Course as Course
from jitgrad.testing.problems.harness import course as course
from jitgrad.testing.problems.harness import points_of as points_of
from jitgrad.testing.problems.noise import Noise as Noise
from jitgrad.testing.problems.vectors import VectorLoss as VectorLoss
from jitgrad.testing.problems.vectors import vector_losses as vector_losses
