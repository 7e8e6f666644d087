"""What several code locations declare, beside one another and after one another."""

from backfilld.assets import asset
from backfilld.definitions import Definitions
from backfilld.manifest import manifest_of
from daemon.launching.code_location import CodeLocation, Loaded, LoadFailure, manifest_digest
from daemon.service.definitions import checked, definitions_fact, emptied
from events.facts import DefinitionsLoaded
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


def test_a_location_that_is_not_served_any_more_declares_nothing() -> None:
    world = recorded(loaded("shop", "orders"), loaded("web", "clicks"))
    (gone,) = emptied(world, [CodeLocation("web", "web.py")])
    fact = definitions_fact(world, gone)
    assert isinstance(fact, DefinitionsLoaded)
    assert (fact.code_location, fact.manifest and fact.manifest["assets"]) == ("shop", [])
    after = recorded(loaded("shop", "orders"), loaded("web", "clicks"), gone)
    assert list(after.catalog.assets) == ["clicks"]
    assert emptied(after, [CodeLocation("web", "web.py")]) == []
