"""The page on partitions says what is so: its examples are run, and their answers compared."""

import doctest
import re
from pathlib import Path

from backfilld import mappings, partitions

PAGE = Path(__file__).resolve().parents[3] / "docs" / "partitions.md"
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_every_example_gives_the_answer_it_shows() -> None:
    blocks = FENCED.findall(PAGE.read_text("utf-8"))
    assert {language for language, _ in blocks} == {"pycon"}
    assert all(">>>" in text for _, text in blocks)
    said: list[str] = []
    page = doctest.DocTestParser().get_doctest(PAGE.read_text("utf-8"), {}, PAGE.name, str(PAGE), 0)
    runner = doctest.DocTestRunner(verbose=False)
    results = runner.run(page, out=said.append)
    assert not results.failed, "".join(said)
    assert results.attempted == sum(text.count(">>> ") for _, text in blocks)


def test_every_kind_of_partitions_and_every_mapping_has_an_example() -> None:
    examples = "".join(text for _, text in FENCED.findall(PAGE.read_text("utf-8")))
    kinds = [
        name
        for name in (*partitions.__all__, *mappings.__all__)
        if name.endswith(("PartitionsDefinition", "Mapping"))
    ]
    assert len(kinds) > 15
    bases = {"PartitionsDefinition", "PartitionMapping"}
    assert not [name for name in kinds if f"{name}(" not in examples and name not in bases]
