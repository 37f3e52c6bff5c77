"""Losses with known gradients, to test and measure code that differentiates.

Every `Scenario` comes with its exact gradient, so that the error of an approximation is known and not estimated.
`import jitgrad` does not import this module.
"""

from jitgrad.testing.catalogue import scenario as scenario
from jitgrad.testing.catalogue import scenarios as scenarios
from jitgrad.testing.definition import Scenario as Scenario
