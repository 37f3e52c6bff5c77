"""Derivatives with error bars from values on a ladder of displacements; knows nothing of who evaluates.

`jitgrad.ladder.rounds.climb` is the entry. For each coordinate a small state machine says which displacements it
wants next, and every round evaluates those of all coordinates of a block in one probe list:

1. *Placing.* Three pairs of values, at ``|x| / 8`` and two and four rungs below, show whether the loss is a Taylor
   series there. If so, the ladder is begun: five neighbouring rungs, usually (`placing`). If the loss is straight the
   search goes up; if it seems to oscillate, or has a kink, it looks far below (`leaping`); if it does not change or is
   not finite, see `edges`.
2. *Reading.* The values are expanded in polynomials orthonormal on the rungs (`spectrum`, `windows`). The plateau of
   the coefficients is the noise (`level`); derivative, error bar and expected error follow for each window and degree,
   and the best is taken (`analysis`).
3. *Refining.* Until the expected error is small enough, rungs are added above where noise limits it and below where
   truncation does; noise is verified by one pair far below; what contradicts the reading moves the ladder (`signs`,
   `refining`).
4. *Settling.* The last reading is written down with its status (`settling`, `status`).

Every constant is explained where it stands.
"""

from jitgrad.ladder.rounds import Climbed as Climbed
from jitgrad.ladder.rounds import climb as climb
from jitgrad.ladder.status import Status as Status
