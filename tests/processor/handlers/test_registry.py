"""Registering handlers, and reading requests for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel

from processor import InvalidHandler, JobContext, Permanent, Registry
from processor.handlers.handler import InvalidParams


class Model(BaseModel):
    day: date
    n: int = 1


@dataclass
class Plain:
    day: date
    n: int = 1


CONTEXT = object()


def call(registry: Registry, name: str, params: str | None = None) -> Any:
    handler = registry.find(name)
    request = f'{{"name": "{name}"}}' if params is None else f'{{"params": {params}, "name": "{name}"}}'
    return handler.call(handler.read(request).params, CONTEXT)  # type: ignore[arg-type]  # handlers here do not look


def test_params_are_read_as_the_annotation_says() -> None:
    jobs = Registry()

    @jobs.handler("model")
    def model(params: Model, job: JobContext) -> Any:
        return params

    @jobs.handler("dataclass")
    def dataclass_(params: Plain) -> Any:
        return params

    day = date(2026, 1, 31)
    assert call(jobs, "model", '{"day": "2026-01-31"}') == Model(day=day)
    assert call(jobs, "dataclass", '{"day": "2026-01-31", "n": 5}') == Plain(day, 5)


def test_a_handler_takes_params_and_job_or_one_of_them_or_nothing() -> None:
    jobs = Registry()

    @jobs.handler("both")
    def both(params, job):  # type: ignore[no-untyped-def]  # annotations are not needed
        return params, job

    @jobs.handler("params")
    def params_only(params: dict[str, int]) -> Any:
        return params

    @jobs.handler("job")
    def job_only(job: JobContext) -> Any:
        return job

    @jobs.handler("nothing")
    def nothing(*, verbose: bool = False) -> Any:
        return verbose

    @jobs.handler("defaults")
    def defaults(params: Any, job: JobContext, extra: int = 7) -> Any:
        return extra

    assert call(jobs, "both", '{"a": 1}') == ({"a": 1}, CONTEXT)
    assert call(jobs, "params") == {}
    assert call(jobs, "job") is CONTEXT
    assert call(jobs, "nothing", '{"ignored": 1}') is False
    assert call(jobs, "defaults") == 7


def test_params_that_are_null_were_not_given() -> None:
    jobs = Registry()

    @jobs.handler("dict")
    def dict_(params: dict[str, Any]) -> Any:
        return params

    @jobs.handler("optional")
    def optional(params: dict[str, Any] | None) -> Any:
        return params

    @jobs.handler("model")
    def model(params: Model) -> None: ...

    assert call(jobs, "dict", "null") == {}
    assert call(jobs, "optional", "null") == {}
    assert call(jobs, "dict", '{"x": null, "n": 9007199254740993}') == {"x": None, "n": 9007199254740993}
    with pytest.raises(InvalidParams, match=r"params\.day: Field required"):
        jobs.find("model").read('{"name": "model", "params": null}')
    assert jobs.find("dict").read('{"namespace": null, "params": {"x": 1}}').namespace == "default"
    assert jobs.find("dict").read('{"namespace": "n", "params": null}').namespace == "n"


def test_params_that_do_not_fit_are_named_field_by_field() -> None:
    jobs = Registry()

    @jobs.handler("model")
    def model(params: Model) -> None: ...

    request = '{"name": "model", "params": {"day": "soon", "n": "x"}}'
    with pytest.raises(InvalidParams, match=r"params\.day: .*; params\.n: "):
        jobs.find("model").read(request)
    with pytest.raises(InvalidParams, match=r"params\.day: Field required"):
        jobs.find("model").read('{"name": "model"}')


def test_the_decorated_function_stays_as_it_is_and_keeps_its_options() -> None:
    jobs = Registry()

    def work() -> None: ...

    assert jobs.handler("work", max_attempts=7, timeout=2.5, no_retry=[KeyError])(work) is work
    [handler] = jobs
    assert (handler.max_attempts, handler.timeout_s) == (7, 2.5)
    assert handler.no_retry == (Permanent, KeyError)
    assert not handler.is_async
    assert not handler.abandons
    jobs.handler("other", on_timeout="abandon")(work)
    assert jobs.find("other").abandons
    with pytest.raises(InvalidHandler, match="on_timeout is 'wait' or 'abandon', not 'kill'"):
        jobs.handler("third", on_timeout="kill")(work)  # type: ignore[arg-type]  # that is the point


def test_names_differ_by_the_kind_of_function() -> None:
    jobs = Registry()

    @jobs.handler("b")
    async def async_one() -> None: ...

    @jobs.handler("a")
    def plain_one() -> None: ...

    assert jobs.names() == ["a", "b"]
    assert jobs.names(is_async=True) == ["b"]
    assert jobs.names(is_async=False) == ["a"]
    assert len(jobs) == 2


def three(a: int, b: int, c: int) -> None: ...
def keyword(*, c: int) -> None: ...
def generator() -> Any:
    yield


def unresolved(params: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821  # on purpose


@pytest.mark.parametrize(
    ("function", "options", "complaint"),
    [
        (three, {}, "takes 3 arguments"),
        (keyword, {}, "needs the keyword argument 'c'"),
        (unresolved, {}, "annotation cannot be resolved"),
        (generator, {}, "is not a plain or async function"),
        ("print", {}, "is not a plain or async function"),
        (keyword, {"max_attempts": 0}, "max_attempts"),
        (keyword, {"timeout": 0}, "timeout"),
    ],
)
def test_a_function_that_cannot_be_a_handler_is_refused(function: Any, options: dict[str, Any], complaint: str) -> None:
    jobs = Registry()
    with pytest.raises(InvalidHandler, match=complaint) as refused:
        jobs.handler("name", **options)(function)
    assert "'name'" in refused.value.message
    assert len(jobs) == 0


def test_a_type_that_pydantic_cannot_read_is_refused() -> None:
    def opaque(params: object) -> None: ...

    opaque.__annotations__["params"] = type("Opaque", (), {})
    with pytest.raises(InvalidHandler, match="pydantic cannot read"):
        Registry().handler("opaque")(opaque)


def test_a_name_is_given_once_and_is_neither_empty_nor_endless() -> None:
    jobs = Registry()
    jobs.handler("taken")(lambda: None)
    with pytest.raises(InvalidHandler, match="two handlers are named 'taken'"):
        jobs.handler("taken")(lambda: None)
    for name in ("", "x" * 201):
        with pytest.raises(InvalidHandler, match="1 to 200 characters"):
            jobs.handler(name)(lambda: None)
