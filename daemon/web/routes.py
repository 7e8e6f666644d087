"""Operations as routes: their questions from path, query and body, their answers as JSON."""

import hashlib
import inspect
import re
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Operation as DescribedOperation
from litestar.openapi.spec import Reference, RequestBody, Schema
from litestar.params import Body, HeaderParameter, PathParameter, QueryParameter

from daemon.operations.errors import UsageError, did_you_mean
from daemon.operations.fields import meaning_of, spoken
from daemon.operations.operation import Operation
from daemon.web.access import needs
from daemon.web.asking import Asking
from daemon.web.problem import PROBLEM_JSON, Problem

_PLACEHOLDER: Final = re.compile(r"\{(\w+)(:path)?\}")
_ENCODER: Final = msgspec.json.Encoder(enc_hook=str)
_Key = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="Any text of your own: what is sent again with it is answered again and done once.",
    ),
]


_PROBLEMS: Final = {
    400: "It cannot be read",
    401: "Nobody knows who asks",
    403: "It comes from another site's page, or whoever asks may not",
    404: "What is named does not exist",
    409: "It was understood, and is not done",
    408: "It takes too long to arrive",
    413: "It is too long",
    415: "The body is no JSON",
    421: "This server is not called so",
    422: "It makes no sense",
    429: "Too many tokens that open nothing came from the address, or they follow too often",
    431: "Its line and headers are too long",
    503: "The log cannot be reached, or too many are here already",
}
_STATUSES: Final = {"UnknownError": 404, "RefusedError": 409, "UsageError": 422, "RangeTextError": 422}


def problems(raises: Mapping[str, str]) -> dict[int, ResponseSpec]:
    """The problems that a route may answer with, those that errors of an operation become with their reason.

    :param raises: when it raises which error; see `Operation.raises`.
    """
    told = {status: [text] for status, text in _PROBLEMS.items()}
    for name, when in raises.items():
        told[_STATUSES[name]].append(when.rstrip("."))
    return {
        status: ResponseSpec(
            Problem,
            generate_examples=False,
            description=f"{': '.join(filter(None, [texts[0], '; '.join(texts[1:])]))}.",
            media_type=PROBLEM_JSON,
        )
        for status, texts in told.items()
    }


@dataclass
class _Described(DescribedOperation):
    """An operation's description. Litestar says of every body that there must be one."""

    def __post_init__(self) -> None:
        body = self.request_body
        if not isinstance(body, RequestBody):
            return
        for each in body.content.values():
            kinds = each.schema.one_of if isinstance(each.schema, Schema) else None
            for kind in kinds or ():
                if isinstance(kind, Reference):
                    each.schema, body.required = kind, False


def route_of(operation: Operation[Any, Any]) -> HTTPRouteHandler:
    """The route that answers with what the operation does."""
    in_path = {name for name, _ in _PLACEHOLDER.findall(operation.path)}
    kinds = {field.name: "int" if _bare(field.type) is int else "str" for field in fields_of(operation)}
    path = _PLACEHOLDER.sub(
        lambda found: f"{{{found[1]}{found[2] or ':' + kinds[found[1]]}}}", operation.path
    )
    return HTTPRouteHandler(
        path,
        http_method=operation.method,
        status_code=200,
        guards=[needs(operation.role)],
        operation_id=operation.name,
        summary=operation.told.split("\n", 1)[0],
        description=operation.told,
        name=f"api:{operation.name}",
        responses=problems(operation.raises),
        operation_class=_Described,
    )(_answering(operation, in_path))


def _answering(
    operation: Operation[Any, Any], in_path: set[str]
) -> Callable[..., Coroutine[Any, Any, Response[bytes]]]:
    """The handler, with a parameter for each field of the question: Litestar reads and checks those."""
    fields = fields_of(operation)
    is_read = operation.method == "GET"
    separate = [field for field in fields if is_read or field.name in in_path]
    rest = [field for field in fields if field not in separate]
    known = {spoken(field.name) for field in separate} - in_path

    async def answering(request: Request[Any, Any, Any], asking: Asking, **given: Any) -> Response[bytes]:  # noqa: ANN401 -- as the question has them
        refuse_unknown(request, known)
        body, key = given.pop("data", None), given.pop("idempotency_key", None)
        if body is not None:
            given |= msgspec.structs.asdict(body)
        given = {
            name: value.lstrip("/") if name in in_path and isinstance(value, str) else value
            for name, value in given.items()
        }
        answer = await asking.ask(operation, msgspec.convert(given, operation.question), request, key=key)
        return _told(request, _ENCODER.encode(answer))

    parameters = [_parameter("request", Request[Any, Any, Any]), _parameter("asking", Asking)]
    for field in separate:
        meaning = meaning_of(operation.question, field.name)
        if field.name in in_path:
            kind: Any = Annotated[field.type, PathParameter(description=meaning)]
            parameters.append(_parameter(field.name, kind))
        else:
            kind = Annotated[
                field.type,
                QueryParameter(
                    name=spoken(field.name), description=meaning, schema_extra=_bounds_of(field.type)
                ),
            ]
            parameters.append(_parameter(field.name, kind, default=_default_of(field)))
    if operation.takes_key:
        parameters.append(_parameter("idempotency_key", _Key, default=None))
    if rest:
        body, is_needed = _body_of(operation, rest), any(field.required for field in rest)
        parameters.append(
            _parameter("data", Annotated[body, Body()])
            if is_needed
            else _parameter("data", Annotated[body | None, Body()], default=None)
        )
    answer: Any = Response[operation.answer]  # type: ignore[name-defined]  # for the description alone
    answering.__name__ = operation.name
    answering.__doc__ = operation.told
    answering.__signature__ = inspect.Signature(parameters, return_annotation=answer)  # type: ignore[attr-defined]  # read by `inspect`
    answering.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": answer}
    return answering


def _told(request: Request[Any, Any, Any], body: bytes) -> Response[bytes]:
    """The answer; to one who says that they have it already, that they have."""
    if request.method != "GET":
        return Response(body, media_type="application/json")
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    known = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
    if known & {tag, "*"}:
        return Response(b"", status_code=304, headers={"etag": tag}, media_type="application/json")
    return Response(body, media_type="application/json", headers={"etag": tag})


def refuse_unknown(request: Request[Any, Any, Any], known: Collection[str]) -> None:
    """A parameter that nobody reads is refused: an answer that takes no notice of it would be a wrong one.

    :raises UsageError: there is one.
    """
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise UsageError(f"unknown parameter {unknown[0]!r}.{did_you_mean(unknown[0], known)}")


def fields_of(operation: Operation[Any, Any]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """The fields of an operation's question."""
    return msgspec.structs.fields(operation.question)


def _bounds_of(annotation: Any) -> dict[str, int]:  # noqa: ANN401 -- any type
    """The bounds of a number as the description names them. They are checked by decoding the question."""
    metas = [each for each in getattr(annotation, "__metadata__", ()) if isinstance(each, msgspec.Meta)]
    bounds = {"minimum": [each.ge for each in metas], "maximum": [each.le for each in metas]}
    return {name: value for name, values in bounds.items() for value in values if isinstance(value, int)}


def _bare(annotation: Any) -> Any:  # noqa: ANN401 -- any type
    """A type without what is annotated to it."""
    return annotation.__origin__ if hasattr(annotation, "__metadata__") else annotation


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:  # noqa: ANN401 -- any type
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _default_of(field: msgspec.structs.FieldInfo) -> Any:  # noqa: ANN401 -- as the question has it
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return inspect.Parameter.empty if field.default is msgspec.NODEFAULT else field.default


def _body_of(operation: Operation[Any, Any], fields: list[msgspec.structs.FieldInfo]) -> type[msgspec.Struct]:
    """A struct of those fields, which the description names after the question."""
    columns = [
        (field.name, field.type)
        if field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT
        else (field.name, field.type, _default_of(field))
        for field in fields
    ]
    return msgspec.defstruct(
        f"{operation.question.__name__}Body", columns, kw_only=True, forbid_unknown_fields=True
    )
