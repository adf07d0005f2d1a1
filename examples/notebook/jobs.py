"""What a processor does for the notebook: jobledger serve --app jobs:jobs"""

from __future__ import annotations

from pydantic import BaseModel

from jobledger import JobContext, Registry

jobs = Registry()


class Text(BaseModel):
    """What is to be counted."""

    text: str


@jobs.handler("count-words", max_attempts=3, timeout=60)
def count_words(params: Text, job: JobContext) -> int:
    """Count the words of a text, and say how far it is."""
    words = 0
    lines = params.text.splitlines()
    for number, text in enumerate(lines, 1):
        job.raise_if_cancelled()
        words += len(text.split())
        job.progress(100 * number / len(lines), f"{words} words so far")
    return words
