"""The one policy for trying again: exponential waits with full jitter, after "Exponential Backoff And Jitter"
(AWS Architecture Blog, 2015).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying


def retrying_if(
    is_transient: Callable[[BaseException], bool],
    *,
    attempts: int | None = None,
    max_wait_s: float = 30.0,
    before_sleep: Callable[[RetryCallState], None] | None = None,
) -> Retrying:
    """Try again after errors that ``is_transient`` accepts, with waits from 0.1 s up to ``max_wait_s``.

    ``attempts`` None goes on for ever. What is not transient, or remains after the last attempt, is raised as it is.
    """
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_never, wait_random_exponential

    return Retrying(
        retry=retry_if_exception(is_transient),
        wait=wait_random_exponential(multiplier=0.1, max=max_wait_s),
        stop=stop_never if attempts is None else stop_after_attempt(attempts),
        before_sleep=before_sleep,
        reraise=True,
    )
