"""What a site allows an agent: only ever less than it takes by itself."""

import pytest

from remote.agent import limits

USUAL = {key: value for key, (value, _) in limits.USUAL.items()}


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("", {}),
        ("poll_s = 30\nnice=19 # polite\n", {"poll_s": 30.0, "nice": 19.0}),
        ("memory_mb = 200\nsilence_s = 300", {"memory_mb": 200.0, "silence_s": 300.0}),
        ("heavy_threads = 1", {"heavy_threads": 1.0}),
        # a site cannot have more done to its own node, nor shut the agent out
        ("memory_mb = 9999\nnice = 0\nheavy_threads = 64\nsilence_s = 1e9", {}),
        ("memory_mb = 1", {"memory_mb": 60.0}),
        ("heavy_threads = 0\nsilence_s=0", {"heavy_threads": 1.0, "silence_s": 60.0}),
        ("nice = 400\npoll_s = inf", {"nice": 19.0, "poll_s": 3600.0}),
        ("nonsense\npoll_s = soon\nnice = nan\nunknown = 3\n\xff", {}),
    ],
)
def test_a_site_can_ask_for_less_and_never_for_more(tmp_path, text, held):
    path = tmp_path / "limits"
    path.write_bytes(text.encode("latin-1"))
    assert limits.read([str(path)]) == {**USUAL, **held}


def test_without_a_file_the_usual_holds(tmp_path):
    assert limits.read([str(tmp_path / "none")]) == USUAL
    assert not limits.is_set([str(tmp_path / "none")])


def test_of_two_files_the_stricter_line_holds(tmp_path, monkeypatch):
    site, more = tmp_path / "site", tmp_path / "more"
    site.write_text("poll_s = 30\nmemory_mb = 100\n")
    more.write_text("poll_s = 10\nmemory_mb = 80\n")
    monkeypatch.setattr(limits, "PATH", str(site))
    monkeypatch.setenv(limits.VARIABLE, str(more))
    origins = {}
    found = limits.read(origins=origins)
    assert found == {**USUAL, "poll_s": 30.0, "memory_mb": 80.0}
    assert origins == {"poll_s": str(site), "memory_mb": str(more)}
    assert limits.is_set()
