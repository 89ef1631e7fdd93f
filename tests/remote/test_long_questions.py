"""Questions that take long: how far they are, what else is answered, how they stop."""

import asyncio
import statistics
import time

import pytest

from remote.agent import verbs
from remote.calls import hearer
from remote.channel import AgentClient
from remote.local import LocalSession

ROWS = 500_000
PIPELINE = """data_pipeline_general

_rlnPipeLineJobCounter 2

data_pipeline_processes

loop_
_rlnPipeLineProcessName #1
_rlnPipeLineProcessAlias #2
_rlnPipeLineProcessType #3
_rlnPipeLineProcessStatus #4
Extract/job001/ None 5 2
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with an extraction of half a million particles."""
    folder = tmp_path_factory.mktemp("long")
    (folder / "Extract/job001").mkdir(parents=True)
    (folder / "default_pipeline.star").write_text(PIPELINE)
    head = "data_particles\n\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n"
    head += "_rlnMicrographName\n"
    (folder / "Extract/job001/particles.star").write_text(
        head + "1.0 2.0 a.mrc\n" * ROWS
    )
    return str(folder)


@pytest.fixture
async def agent():
    async def opener():
        return LocalSession()

    client = AgentClient(opener, name="here")
    await client.open()
    yield client
    await client.close()


def counted(agent, project, **more):
    return asyncio.create_task(
        agent.call("statistics.of_job", project=project, name="Extract/job001", **more)
    )


async def test_a_table_being_counted_holds_up_no_other_request(agent, project):
    counting = counted(agent, project)
    took = []
    while not counting.done():
        started = time.monotonic()
        await agent.call("host.ping")
        took.append(time.monotonic() - started)
    assert len(took) >= 3  # each went there and came back while it was counting
    said = await counting
    assert said["values"]["particles_total"] == ROWS, said
    assert statistics.median(took) < 0.5
    assert (await agent.call("host.usage"))["memory_peak"] < 60e6


async def test_who_waits_is_told_how_far_it_is(agent, project):
    heard = []
    agent_is_slow = {"timeout": 30.0, "on_progress": heard.append}
    copies = [counted(agent, project, **agent_is_slow) for _ in range(6)]
    await asyncio.gather(*copies)
    assert heard, "six of them take longer than the time between two words"
    for far in heard:
        assert 0 < far.done <= far.total
        assert 0 < far.found <= ROWS
        assert far.what == "particles"
        assert abs(far.done / far.total - far.found / ROWS) < 0.1


async def test_its_time_limit_begins_anew_with_each_word(monkeypatch):
    monkeypatch.setattr(verbs, "REPORT_S", 0.0)
    request = verbs.Request(1, limit_s=0.2)
    said = []
    request.tell = said.append
    first = request.deadline
    for done in range(5):
        time.sleep(0.01)
        request.report(done, 5, 0, "entries")
    assert len(said) == 5
    assert request.deadline >= first + 0.05
    request.tell = None  # nobody listens: the limit stands
    second = request.deadline
    request.report(5, 5, 0, "entries")
    assert request.deadline == second


async def test_whoever_hears_of_it_waits_on(agent):
    """The client's own limit: a word moves it, silence does not."""
    asked = asyncio.create_task(
        agent.call(
            "processes.run",
            argv=["sleep", "60"],
            timeout=120.0,
            on_progress=lambda far: None,
        )
    )
    await agent.call("host.ping")
    (call,) = (one for one in agent._calls.values() if one.hear is not None)
    async with asyncio.timeout(0.3) as limit:
        hear = hearer(limit, 60.0, lambda far: None)
        assert call.hear is not None
        hear({"done": 1, "total": 2, "found": 1, "what": "entries"})
        await asyncio.sleep(0.4)
    asked.cancel()


async def test_one_that_is_not_wanted_any_more_stops(agent, project):
    async def used():
        return (await agent.call("host.usage"))["cpu_s"]

    before = await used()
    await counted(agent, project)
    one = await used() - before
    copies = [counted(agent, project) for _ in range(8)]
    while await used() - before < 1.5 * one:  # they are at work
        await asyncio.sleep(0.01)
    for copy in copies:
        copy.cancel()
    await asyncio.gather(*copies, return_exceptions=True)
    stopped = last = await used()
    while True:  # batches of rows are gone through to their end
        await asyncio.sleep(0.3)
        now = await used()
        if now - last < 0.1:
            break
        last = now
    assert now - stopped < 3 * one  # all that were left take more than six times that
