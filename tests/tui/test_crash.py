"""A crash says where it broke, and nothing of what was typed."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from remote.prompts import Question
from tests.support.interface import interface
from tui.screens.prompts import QuestionsDialog

SECRET = "correct-horse-4711"


async def test_a_crash_at_a_password_prompt_does_not_print_the_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(self: QuestionsDialog, event: Input.Submitted) -> None:
        answers = [event.value]
        message = f"{len(answers)} answer is one too many"
        raise RuntimeError(message)

    monkeypatch.setattr(QuestionsDialog, "on_input_submitted", broken)

    async def answer() -> None:
        async with interface() as pilot:
            question = Question(text="Password")
            pilot.app.push_screen(QuestionsDialog("hpc1", "", "", [question]))
            await pilot.pause()
            await pilot.press(*SECRET, "enter")
            await pilot.pause()

    with pytest.raises(RuntimeError, match="one too many"):
        await answer()
    said = capsys.readouterr().err
    assert "one too many" in said
    assert "in broken" in said
    assert SECRET not in said
