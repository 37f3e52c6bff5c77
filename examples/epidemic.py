"""An external program: an epidemic in plain Python, as somebody's simulator might be. It knows nothing of jitgrad.

Usage: ``python epidemic.py INFECTION RECOVERY LOSS_OF_IMMUNITY``, rates per day; prints the infected share of every
tenth day.
"""

import sys

DAYS, PRINTED_EVERY, STEPS_PER_DAY = 120, 10, 4


def slopes(state, rates):
    """Return what susceptible, infected and recovered shares change by in a day."""
    susceptible, infected, recovered = state
    infection, recovery, loss = rates
    new, healed, lost = infection * susceptible * infected, recovery * infected, loss * recovered
    return lost - new, new - healed, healed - lost


def moved(state, change, days):
    """Return the state after so many days at a constant rate of change."""
    return tuple(s + days * c for s, c in zip(state, change, strict=True))


def simulate(rates):
    """Yield the infected share of every tenth day, by the classical Runge-Kutta method."""
    state, dt = (0.99, 0.01, 0.0), 1.0 / STEPS_PER_DAY
    for step in range(1, DAYS * STEPS_PER_DAY + 1):
        first = slopes(state, rates)
        second = slopes(moved(state, first, dt / 2), rates)
        third = slopes(moved(state, second, dt / 2), rates)
        fourth = slopes(moved(state, third, dt), rates)
        mean = tuple((a + 2 * b + 2 * c + d) / 6 for a, b, c, d in zip(first, second, third, fourth, strict=True))
        state = moved(state, mean, dt)
        if step % (PRINTED_EVERY * STEPS_PER_DAY) == 0:
            yield state[1]


if __name__ == "__main__":
    for share in simulate([float(argument) for argument in sys.argv[1:]]):
        print(repr(share))
