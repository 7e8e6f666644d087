"""How much trouble of each kind there is in a simulation: drawn, so that no two are alike.

Kinds of trouble are left out of many simulations altogether: what one hides, another then shows.
"""

from random import Random

from tests.simulation.stage import Mix

ALWAYS = {"gate": 40, "run": 25, "report": 20, "time": 8, "ask": 5, "start": 15}
SOMETIMES = {
    "repeat": 3,
    "command": 3,
    "keys": 2,
    "pool": 3,
    "token": 1,
    "jump": 1,
    "crash": 2,
    "crash_midway": 4,
    "freeze": 3,
    "stop": 2,
    "code": 2,
    "zygote": 3,
    "kill": 2,
    "snapshot": 3,
    "explain": 5,
}


def draw_mix(rng: Random) -> Mix:
    """The mix of one simulation."""
    weights = dict(ALWAYS)
    for name, weight in SOMETIMES.items():
        if rng.random() < 0.6:
            weights[name] = max(1, round(weight * rng.choice((0.5, 1, 1, 2))))
    if "freeze" in weights:
        weights |= {"thaw": weights["freeze"], "lock": 2 * weights["freeze"]}
    return Mix(
        straight=rng.choice((50, 70, 90)),
        unavailable=rng.choice((0, 0, 5, 20)),
        failing=rng.choice((0, 10, 30, 60)),
        dying=rng.choice((0, 0, 10, 30)),
        hanging=rng.choice((0, 0, 10, 20)),
        piecewise=rng.choice((0, 30, 100)),
        limit=rng.randint(1, 5),
        steps=rng.choice((100, 200, 300)),
        weights=weights,
    )
