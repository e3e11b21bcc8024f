"""The log's lines: as text or as JSON, each with the id of the request it is about."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from typing import Any

import orjson

from service.caller import current_caller
from service.settings import Settings

_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def set_up_logs(settings: Settings) -> None:
    """Send the process's log to stderr, in the form that the operator wants."""
    handler = logging.StreamHandler()
    as_json = settings.log_format == "json"
    handler.setFormatter(JsonFormatter() if as_json else logging.Formatter(_TEXT))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])


class JsonFormatter(logging.Formatter):
    """Writes one JSON object a line.

    The keys are `time` (UTC), `level`, `logger`, `message`; `request_id` within a request; `error`
    with a traceback; and whatever the call gave as `extra={"fields": {...}}`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := current_caller().request_id:
            line["request_id"] = request_id
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = "".join(traceback.format_exception(record.exc_info[1]))
        line |= getattr(record, "fields", {})
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
