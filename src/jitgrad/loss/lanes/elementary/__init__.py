"""Elementary functions on lanes, inline and without a library: at most 2 ulp over their whole range.

Each is ``emit(builder, *x)``: vectors of double or float of any length in, one of the same type out.
"""

from jitgrad.loss.lanes.elementary.exponential import exp as exp
from jitgrad.loss.lanes.elementary.exponential import expm1 as expm1
from jitgrad.loss.lanes.elementary.hyperbolic import tanh as tanh
from jitgrad.loss.lanes.elementary.logarithm import log as log
from jitgrad.loss.lanes.elementary.logarithm import log1p as log1p
from jitgrad.loss.lanes.elementary.power import pow as pow  # noqa: A004
from jitgrad.loss.lanes.elementary.trigonometric import cos as cos
from jitgrad.loss.lanes.elementary.trigonometric import sin as sin
