"""A person at the prompts, for tests."""


class Person:
    """Answers prompts from a list and remembers what was asked."""

    def __init__(self, *answers, trusts=True):
        self.answers = list(answers)
        self.trusts = trusts
        self.keys = []
        self.asked = []
        self.told = []

    async def host_key(self, key):
        self.keys.append(key)
        return self.trusts

    async def ask(self, host, title, instructions, questions):
        self.asked.append([question.text for question in questions])
        given = []
        for _ in questions:
            if not self.answers:
                return None
            answer = self.answers.pop(0)
            given.append(answer() if callable(answer) else answer)
        return given

    async def say(self, host, text):
        self.told.append(text)
