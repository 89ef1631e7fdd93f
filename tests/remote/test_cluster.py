import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remote.cluster import (
    Cluster,
    delete,
    format_toml,
    last_used,
    load,
    load_all,
    parse,
    save,
)
from remote.errors import BadRequestError
from remote.places import config_home

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(
    values=st.fixed_dictionaries(
        {
            "host": texts,
            "user": texts,
            "engine": texts,
            "template": texts,
            "port": st.integers(0, 65535),
            "poll_s": st.floats(0, 1e6),
            "setup": st.lists(texts, max_size=3).map(tuple),
            "projects": st.lists(texts, max_size=3).map(tuple),
            "recent": st.lists(texts, max_size=3).map(tuple),
            "session": st.sampled_from(["local", "ssh", "openssh"]),
            "scheduler": st.sampled_from(["slurm", "pbs", "sge", "lsf", "shell"]),
            "extra": st.dictionaries(
                texts.map(lambda t: f"x{t}"),
                st.one_of(texts, st.integers(), st.booleans(), st.lists(texts)),
                max_size=3,
            ),
        }
    )
)
@settings(max_examples=150, deadline=None)
def test_any_profile_reads_back_as_it_was(values):
    cluster = Cluster(name="any", **values)
    assert parse(format_toml(cluster), "any") == cluster


def test_local_keeps_to_the_engine_of_the_program_that_runs(monkeypatch):
    monkeypatch.setattr("sys.executable", "/old/bin/python")
    save(load("local").with_recent("/data/betagal"))
    monkeypatch.setattr("sys.executable", "/new/bin/python")
    assert load("local").engine == "/new/bin/python -m engine"
    assert load("local").recent == ("/data/betagal",)
    save(replace(load("local"), engine="/sw/python -m engine"))
    assert load("local").engine == "/sw/python -m engine"


def test_local_always_exists_and_needs_no_file():
    assert load("local").session == "local"
    assert load("local").engine.endswith("-m engine")
    assert [c.name for c in load_all()] == ["local"]


def test_a_saved_profile_is_private_and_listed():
    path = save(Cluster(name="spider", host="spider.example.org", scheduler="slurm"))
    assert path == config_home() / "clusters" / "spider.toml"
    assert path.stat().st_mode & 0o077 == 0
    assert load("spider").host == "spider.example.org"
    assert [c.name for c in load_all()] == ["local", "spider"]
    delete("spider")
    assert [c.name for c in load_all()] == ["local"]


def test_unknown_keys_and_tables_are_kept():
    text = 'host = "h"\nfuture = 3\n\n[limits]\ncores = 4\nname = "x"\n'
    cluster = parse(text, "a")
    assert parse(format_toml(cluster), "a") == cluster
    assert cluster.extra == {"future": 3, "limits": {"cores": 4, "name": "x"}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("host = ", "a.toml: Invalid value"),
        ("port = '22'", "port must be a whole number"),
        ("port = true", "port must be a whole number"),
        ("setup = 'module load x'", "setup must be a list of texts"),
        ("session = 'telnet'", "local, ssh, openssh"),
        ("scheduler = 'cron'", "slurm"),
    ],
)
def test_a_wrong_profile_says_where_and_what(text, says):
    with pytest.raises(BadRequestError, match=says):
        parse(text, "a", "a.toml")


@pytest.mark.parametrize("name", ["", "../evil", "a/b", ".hidden", "a b", "x" * 70])
def test_names_that_could_leave_the_folder_are_refused(name):
    with pytest.raises(BadRequestError, match="name of a cluster"):
        load(name)


def test_an_unknown_cluster_names_the_known_ones():
    save(Cluster(name="spider"))
    with pytest.raises(BadRequestError, match="local, spider"):
        load("spyder")


def test_recent_projects_are_newest_first_without_doubles():
    cluster = Cluster(name="a")
    for project in ("/p/1", "/p/2", "/p/1"):
        cluster = cluster.with_recent(project)
    assert cluster.recent == ("/p/1", "/p/2")


def test_a_broken_profile_does_not_hide_the_others():
    save(Cluster(name="spider"))
    (config_home() / "clusters" / "broken.toml").write_text("host =")
    problems = []
    assert [c.name for c in load_all(problems)] == ["local", "spider"]
    assert "broken.toml" in problems[0]


def test_the_cluster_used_last_is_the_one_whose_project_was_opened_last(monkeypatch):
    assert last_used(load_all()) == ""
    for age, name in ((30, "new"), (90, "old"), (5, "unused")):
        recent = () if name == "unused" else ("/data/p",)
        path = save(Cluster(name=name, recent=recent))
        os.utime(path, (1e9 - age, 1e9 - age))
    assert last_used(load_all()) == "new"
