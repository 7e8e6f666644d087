"""One asset of a run: its function called, and every partition of it accounted for."""

import inspect
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from backfilld.asset_key import AssetKey
from backfilld.context import AssetExecutionContext
from backfilld.definitions import Definitions
from backfilld.errors import BackfilldError, InvalidInvocationError
from backfilld.ranges import Ranges
from backfilld.results import MaterializeResult
from backfilld.worker.output import OUTPUT_FILES, write_error
from backfilld.worker.plain import WHOLE_IN, failure_of, plain_metadata, whole_failure, whole_metadata
from backfilld.worker.report import METADATA_FILE, Interrupted, Report
from backfilld.worker.target import Pair, Target, in_lines, listed

_Line = dict[str, Any]


class AssetRun:
    """An asset's part in a run. It is the `Reporter` of its context."""

    def __init__(
        self,
        definitions: Definitions,
        key: str,
        spec: Mapping[str, Any],
        report: Report,
        *,
        without: Collection[Pair] = (),
    ) -> None:
        """Nothing is done yet.

        :param without: planned partitions that are not to be filled, since what they need is not there.
        """
        self.failure: dict[str, Any] | None = None  # the first one, if any
        self.is_undone = False  # what needs it is not to be executed
        self.vanished: tuple[Pair, ...] = ()  # planned partitions that the code has no more
        self._without = without
        self._definitions = definitions
        self._key = key
        self._spec = spec
        self._report = report
        self._reported = Ranges()
        self._target: Target

    def execute(self) -> list[_Line]:
        """Lines, yet to be written, about the partitions that the function did not report itself.

        It returned: they are materialized. It raised: they failed. Those that exist no more fail first, and
        the function is called for the others.

        :raises Interrupted: the run was asked to end; nothing is to be said of those partitions.
        """
        try:
            self._target = Target.of(self._definitions, self._key, self._spec, without=self._without)
        except BackfilldError as error:
            failure = self._fail(error)
            return [
                self._line("failed", some, failure=failure) for some in in_lines(self._spec["partitions"])
            ]
        if self._target.vanished:
            self._tell_of_vanished()
        if not self._target.ranges:
            return []
        try:
            metadata = self._call()
        except Interrupted:
            raise
        except BaseException as error:  # noqa: BLE001 - user code: whatever it raised, its partitions failed.
            return list(self._lines_about_the_rest("failed", failure=self._fail(error)))
        return list(self._lines_about_the_rest("materialized", **self._filled(metadata)))

    def materialized(self, asset_key: AssetKey, ranges: Ranges, metadata: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Partitions were filled: durable, and told to the daemon, when this returns."""
        self._report_some("materialized", ranges, **self._filled(metadata))

    def failed(self, asset_key: AssetKey, ranges: Ranges, error: BaseException | str) -> None:  # noqa: ARG002
        """Partitions will not be filled by this run; durable, and told to the daemon, when this returns."""
        self._report_some("failed", ranges, failure=self._fail(error))

    def _tell_of_vanished(self) -> None:
        failure = self._fail(self._target.why_vanished())
        self.vanished = self._target.vanished
        self.is_undone = not self._target.ranges
        self._report.append(*(self._line("failed", each, failure=failure) for each in listed(self.vanished)))

    def _call(self) -> Mapping[str, Any]:
        """The metadata of what the function did."""
        context = AssetExecutionContext(
            asset_key=self._target.asset.key,
            run_id=self._spec["run_id"],
            backfill_id=self._spec["backfill_id"],
            attempt=self._spec["attempt"],
            run_tags=self._spec["tags"],
            partitions=self._target.partitions,
            ranges=self._target.ranges,
            reporter=self,
        )
        returned = self._target.asset.execute(context)
        if inspect.iscoroutine(returned):
            # Imported here only: a zygote pays for each module with every fork.
            import asyncio  # noqa: PLC0415

            returned = asyncio.run(returned)
        match returned:
            case None:
                return context.output_metadata
            case MaterializeResult():
                return {**context.output_metadata, **returned.metadata}
            case _:
                raise InvalidInvocationError(
                    f"expected asset {self._key!r} to return None or a MaterializeResult, found "
                    f"{type(returned).__name__}; write what it makes where it belongs, and return "
                    f"MaterializeResult(metadata=...) to have values recorded"
                )

    def _filled(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        plain = plain_metadata(metadata, whole_in=METADATA_FILE)
        if WHOLE_IN in plain:
            self._report.keep(METADATA_FILE, f"{whole_metadata(metadata)}\n")
        return {"metadata": plain, "code_version": self._target.asset.code_version}

    def _fail(self, error: BaseException | str) -> dict[str, Any]:
        failure = failure_of(error, whole_in=OUTPUT_FILES[2])
        self.failure = self.failure or failure
        self.is_undone = True
        write_error(f"{whole_failure(error)}\n")
        return failure

    def _report_some(self, kind: str, ranges: Ranges, **fields: object) -> None:
        fresh = ranges - self._reported
        # Marked before it is written: a fact that was followed by an interruption must not be told twice.
        self._reported |= fresh
        self._report.append(*self._lines(kind, fresh, **fields))

    def _lines_about_the_rest(self, kind: str, **fields: object) -> Iterator[_Line]:
        return self._lines(kind, self._target.ranges - self._reported, **fields)

    def _lines(self, kind: str, ranges: Ranges, **fields: object) -> Iterator[_Line]:
        """One line, or several where there are too many ranges for one."""
        if ranges:
            for some in self._target.keys(ranges):
                yield self._line(kind, some, **fields)

    def _line(self, kind: str, partitions: dict[str, Any] | None, **fields: object) -> _Line:
        return {"type": kind, "asset": self._key, "partitions": partitions, **fields}
