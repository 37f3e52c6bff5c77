"""Step rules: how large the displacement of each coordinate is. One file per rule."""

from jitgrad.steps.absolute import Absolute as Absolute
from jitgrad.steps.auto import Auto as Auto
from jitgrad.steps.choice import Rule as Rule
from jitgrad.steps.choice import as_rule as as_rule
from jitgrad.steps.choice import as_scaling_rule as as_scaling_rule
from jitgrad.steps.relative import Relative as Relative
from jitgrad.steps.rule import Extrapolated as Extrapolated
from jitgrad.steps.rule import Extrapolation as Extrapolation
from jitgrad.steps.rule import Scaling as Scaling
from jitgrad.steps.rule import Search as Search
from jitgrad.steps.rule import StepRule as StepRule
from jitgrad.steps.rule import Tuner as Tuner
from jitgrad.steps.rule import Tuning as Tuning
from jitgrad.steps.textbook import Textbook as Textbook
