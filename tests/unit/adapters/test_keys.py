"""Keys made of content: the same again for the same file, different for every entry of it."""

from thoughtengine.adapters.keys import ContentKeys


def test_a_second_reading_gives_the_same_keys() -> None:
    entries = [("14:10", "Dana", "ok"), ("14:10", "Dana", "ok"), ("14:10", "Ben", "ok"), ("14:10", "Dana", "o", "k")]
    first, second = ContentKeys("chat"), ContentKeys("chat")
    keys = [first.key(*entry) for entry in entries]
    assert keys == [second.key(*entry) for entry in entries]
    assert len(set(keys)) == len(entries)
    assert all(key.startswith("chat:") for key in keys)
