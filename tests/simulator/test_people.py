"""Who people are to apps."""

import re
import uuid

from broker.simulator.people import PEOPLE


def test_identifiers_survive_a_restart() -> None:
    """These values may not change: whoever kept them would meet strangers after an upgrade."""
    ada, noor = PEOPLE[0], PEOPLE[4]
    assert ada.open_id("aw0example0key01") == "cZSXL-K5JPXvoAECjaguRKjgFL4mSq1cWM4c"
    assert ada.union_id("Sample developer") == "8ca22d1e-5e3b-52f0-a443-72f14ccea00f"
    assert noor.open_id("aw0example0key01").startswith("-000")


def test_open_id_is_one_person_in_one_app() -> None:
    seen = {person.open_id(key) for person in PEOPLE for key in ("aw1", "aw2", "sbaw1")}
    assert len(seen) == 3 * len(PEOPLE)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{36}", open_id) for open_id in seen)


def test_union_id_is_one_person_at_one_developer() -> None:
    seen = {person.union_id(developer) for person in PEOPLE for developer in ("A", "B")}
    assert len(seen) == 2 * len(PEOPLE)
    assert all(str(uuid.UUID(union_id)) == union_id for union_id in seen)


def test_the_cast_covers_what_breaks_layouts_and_encoders() -> None:
    names = [person.display_name for person in PEOPLE]
    assert [person.id for person in PEOPLE] == ["p1", "p2", "p3", "p4", "p5"]
    assert any(not name.isascii() for name in names)
    assert any(len(name) > 100 and "<" in name and '"' in name for name in names)
    assert any(person.open_id("aw1").startswith("-") for person in PEOPLE)
