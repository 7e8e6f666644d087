"""The pages with examples say what is so: the examples are run, and their answers compared."""

import doctest
import re
from pathlib import Path

import pytest

from backfilld import mappings, partitions

DOCS = Path(__file__).resolve().parents[3] / "docs"
PARTITIONS, RUNS = DOCS / "partitions.md", DOCS / "runs.md"
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", [PARTITIONS, RUNS], ids=lambda page: page.stem)
def test_every_example_gives_the_answer_it_shows(page: Path) -> None:
    blocks = FENCED.findall(page.read_text("utf-8"))
    assert {language for language, _ in blocks} == {"pycon"}
    assert all(">>>" in text for _, text in blocks)
    said: list[str] = []
    examples = doctest.DocTestParser().get_doctest(page.read_text("utf-8"), {}, page.name, str(page), 0)
    results = doctest.DocTestRunner(verbose=False).run(examples, out=said.append)
    assert not results.failed, "".join(said)
    assert results.attempted == sum(text.count(">>> ") for _, text in blocks)


def test_every_kind_of_partitions_and_every_mapping_has_an_example() -> None:
    examples = "".join(text for _, text in FENCED.findall(PARTITIONS.read_text("utf-8")))
    kinds = [
        name
        for name in (*partitions.__all__, *mappings.__all__)
        if name.endswith(("PartitionsDefinition", "Mapping"))
    ]
    assert len(kinds) > 15
    bases = {"PartitionsDefinition", "PartitionMapping"}
    assert not [name for name in kinds if f"{name}(" not in examples and name not in bases]
