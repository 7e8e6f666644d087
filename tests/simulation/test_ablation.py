"""With any one safeguard taken out, a promise is broken: none is there for nothing, and it is seen."""

import pytest

from tests.simulation.many import silenced
from tests.simulation.simulation import simulate
from tests.simulation.stage import Safeguard

SEEDS_MAX = 400


@pytest.mark.parametrize("safeguard", Safeguard, ids=lambda safeguard: safeguard.name.lower())
def test_without_it_a_violation_is_found(safeguard: Safeguard) -> None:
    with silenced():
        found = next((seed for seed in range(SEEDS_MAX) if simulate(seed, without=safeguard).violation), None)
        assert found is not None, f"nothing goes wrong without it: {safeguard.value}"
        assert simulate(found).violation is None
