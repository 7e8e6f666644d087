"""What several code locations declare, beside one another and after one another."""

import msgspec

from backfilld.assets import asset
from backfilld.definitions import Definitions
from backfilld.manifest import manifest_of
from daemon.launching.code_location import CodeLocation, Loaded, LoadFailure, manifest_digest
from daemon.service.definitions import (
    checked,
    definitions_fact,
    is_news,
    serves_all_the_same,
    withdrawn,
)
from events.facts import (
    BackfillCompleted,
    DefinitionsFailed,
    DefinitionsLoaded,
    DefinitionsWithdrawn,
    Failure,
)
from projections.held import held_locations
from projections.world import World
from tests.story import Story

FAILURE = LoadFailure("sales", "SyntaxError", "invalid syntax")


def loaded(code_location: str, *keys: str, needing: str | None = None) -> Loaded:
    """A code location with assets of these names."""

    def nothing() -> None: ...

    assets = [asset(name=key, deps=[needing] if needing else [])(nothing) for key in keys]
    manifest = manifest_of(Definitions(assets=assets), code_location=code_location)
    return Loaded(code_location, manifest_digest(manifest), manifest)


def recorded(*locations: Loaded) -> World:
    """The world once these are on record."""
    story = Story()
    for each in locations:
        story.tell(definitions_fact(story.world, each))
    return story.world


def test_of_two_new_locations_with_one_asset_the_second_is_turned_away() -> None:
    first, second = checked([loaded("sales", "orders"), loaded("web", "orders", "clicks")], World())
    assert isinstance(first, Loaded)
    assert isinstance(second, LoadFailure)
    assert second.message.startswith("orders: declared by code location 'sales' too")


def test_an_asset_may_move_from_one_location_to_another() -> None:
    world = recorded(loaded("sales", "orders", "totals"), loaded("web", "clicks"))
    answers = [loaded("sales", "orders"), loaded("web", "clicks", "totals")]
    assert checked(answers, world) == answers
    assert checked(answers[::-1], world) == answers[::-1]


def test_what_a_failed_location_declared_before_is_still_taken() -> None:
    world = recorded(loaded("sales", "orders"))
    _, web = checked([FAILURE, loaded("web", "orders")], world)
    assert isinstance(web, LoadFailure)
    assert isinstance(checked([FAILURE, loaded("web", "clicks")], world)[1], Loaded)
    assert isinstance(checked([FAILURE, loaded("web", "orders")], World())[1], Loaded)


def test_a_circle_through_two_locations_is_found() -> None:
    sales, web = loaded("sales", "orders", needing="clicks"), loaded("web", "clicks", needing="orders")
    _, second = checked([sales, web], World())
    assert isinstance(second, LoadFailure)
    assert "circle" in second.message


def test_a_location_that_is_not_given_any_more_is_withdrawn_and_holds_its_runs() -> None:
    given = [CodeLocation("web", "web.py")]
    story = Story()
    for each in (loaded("shop", "orders"), loaded("web", "clicks")):
        story.tell(definitions_fact(story.world, each))
    assert withdrawn(story.world, given) == ["shop"]
    story.tell(DefinitionsWithdrawn("shop"))
    assert list(story.world.catalog.assets) == ["clicks"]
    assert held_locations(story.world) == {"shop"}
    assert withdrawn(story.world, given) == []
    again = loaded("shop", "orders")
    assert is_news(story.world, again)
    assert definitions_fact(story.world, again) == DefinitionsLoaded("shop", again.digest, None)
    story.tell(definitions_fact(story.world, again))
    assert set(story.world.catalog.assets) == {"clicks", "orders"}
    assert held_locations(story.world) == set()


def test_a_location_that_was_given_again_broken_is_withdrawn_again() -> None:
    story = Story()
    story.tell(definitions_fact(story.world, loaded("shop", "orders")))
    story.tell(DefinitionsWithdrawn("shop"))
    story.tell(DefinitionsFailed("shop", Failure("SyntaxError", "invalid syntax"), runs_held=True))
    assert withdrawn(story.world, []) == ["shop"]


def test_a_failure_is_news_once() -> None:
    held = msgspec.structs.replace(FAILURE, runs_held=True)
    story = Story()
    story.tell(definitions_fact(story.world, loaded("sales", "orders")))
    for first, second in ((FAILURE, held), (held, FAILURE)):
        assert is_news(story.world, first)
        story.tell(definitions_fact(story.world, first))
        assert not is_news(story.world, first)
        assert is_news(story.world, second)
    assert is_news(story.world, msgspec.structs.replace(FAILURE, message="another"))
    assert is_news(story.world, loaded("sales", "orders"))


def test_a_daemon_starts_on_broken_code_only_where_a_backfill_needs_it_and_the_code_is_known() -> None:
    unknown = LoadFailure("web", "SyntaxError", "invalid syntax")
    story = Story()
    story.tell(definitions_fact(story.world, loaded("sales", "orders")))
    assert not serves_all_the_same(story.world, [FAILURE])
    story.ask("orders")
    assert serves_all_the_same(story.world, [FAILURE])
    assert not serves_all_the_same(story.world, [FAILURE, unknown])
    story.tell(BackfillCompleted("canceled"), backfill_id="b")
    assert not serves_all_the_same(story.world, [FAILURE])
