"""A real HTTP server on loopback that speaks the chat protocol, with faults on demand."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

Row = dict[str, Any]

SOON = {"retry-after-ms": "1"}


@dataclass(frozen=True)
class Fault:
    """What is answered instead of rows.

    Args:
        status: HTTP status.
        body: The whole body; None for a chat completion.
        content: What the model "wrote"; None for good rows.
        finish: Why it ended.
        headers: Further headers.
        hang: Never answer.
        short: Say that the body is longer than it is, and hang up.
        before: Called first.
    """

    status: int = 200
    body: str | None = None
    content: str | None = None
    finish: str = "stop"
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    short: bool = False
    before: Callable[[], object] = lambda: None


GOOD = Fault()


@dataclass
class ChatServer:
    """What a server was asked, and what it will answer: `faults` in turn, then good rows."""

    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    hanging: threading.Event = field(default_factory=threading.Event)
    numbers: Iterator[int] = field(default_factory=count)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def prompts(self) -> list[str]:
        """The user part of each request."""
        return [request["messages"][-1]["content"] for request in self.requests]

    def next_fault(self, request: dict[str, Any], key: str) -> Fault:
        with self.lock:
            self.requests.append(request)
            self.keys.append(key)
            self.times.append(time.monotonic())
            return self.faults.pop(0) if self.faults else GOOD

    def rows(self, request: dict[str, Any]) -> list[Row]:
        """Good rows, as many as were asked for; no two alike."""
        kind = request["response_format"]["json_schema"]["name"]
        prompt = request["messages"][-1]["content"]
        if kind == "negatives":
            return [negatives(query) for query in re.findall(r"^\d+\. (.+)$", prompt, re.MULTILINE)]
        if kind in JUDGES:
            texts = re.findall(r"^(\d+)\. (.+)$", prompt, re.MULTILINE)
            return [{"number": int(number), **JUDGES[kind](text)} for number, text in texts]
        wanted = int(re.findall(r"\d+", prompt)[0])
        with self.lock:
            return [MAKERS[kind](next(self.numbers)) for _ in range(wanted)]


def sentence(number: int) -> Row:
    return {
        "anchor": f"Pump {number} is open in winter.",
        "same": [
            {"text": f"In winter pump {number} stands open.", "pattern": "paraphrase"},
            {"text": f"Pump {number} is not closed in winter.", "pattern": "negated-antonym"},
            {"text": f"Nobody shuts {number} when cold months come.", "pattern": "exclusive"},
        ],
        "negated": [
            {"text": f"Pump {number} is not open in winter.", "pattern": "verbal"},
            {"text": f"Pump {number} is closed in winter.", "pattern": "lexical"},
            {"text": f"Pump {number} is never open in winter.", "pattern": "adverb"},
            {"text": f"They turn {number} off once the frost arrives.", "pattern": "lexical"},
        ],
        "hedged": [{"text": f"Pump {number} may be open in winter.", "pattern": "modal"}],
        "neutral": [f"Pump {number} was painted red one winter."],
    }


def retrieval(number: int) -> Row:
    passage = (
        f"Station {number} lies behind the mill, where the road bends towards the weir. It was"
        " built by two brothers who sold lamps. {} Visitors may look at the engine on the first day"
        " of May, when the keeper bakes bread for everybody."
    )
    return {
        "doc_a": passage.format("Its valve still leaks after rain."),
        "doc_b": passage.format("Its valve no longer leaks after rain."),
        "query_a": f"station {number} with a valve that drips",
        "query_b": f"station {number} whose valve was mended",
        "pattern": "adverb",
    }


def exclusion(number: int) -> Row:
    return {
        "query": f"lamps of series {number} without a battery",
        "inclusion": f"battery lamps of series {number}",
        "relevant": [
            f"The lamp of series {number} has a wick and burns oil, as lamps did before the war.",
            f"No cell is needed for the lamp {number}: you wind it up with a key each evening.",
        ],
        "violating": [
            f"Lamp {number} runs for a week on two cells, which come with it in a small box.",
            f"Charge the cell of lamp {number} overnight, and it will shine until the next noon.",
        ],
    }


def twins(number: int) -> Row:
    return {
        "query_a": f"kettles of series {number} that need no descaling",
        "query_b": f"kettles of series {number} that need descaling",
        "pattern": "exclusion",
    }


def graded(number: int) -> Row:
    return {
        "query": f"when does ferry {number} sail",
        "positive": f"Ferry {number} sails at noon from the old quay.",
        "hard": {"text": f"Ferry {number} never sails at noon from the quay.", "similarity": 0.9},
        "medium": [
            {"text": f"Ferry {number} carries forty cars and a kiosk.", "similarity": 0.6},
            {"text": f"Ferry {number} was built of oak by a widow.", "similarity": 0.5},
        ],
        "easy": {"text": f"Bus {number} has a new driver this spring.", "similarity": 0.1},
    }


def negatives(query: str) -> Row:
    start = "On the hill above the town there is an inn"
    return {
        "query": query,
        "negatives": [
            f"{start} that closed long ago, and nobody has the key to it any more.",
            f"{start} that may open again, if the council finds someone who wants it.",
            f"{start} whose cellar floods each autumn, so that guests bring their boots.",
            f"{start} which a painter drew in chalk when she came through on foot.",
        ],
    }


def relation(text: str) -> Row:
    """What a judge that only looks for a "not" says of a text."""
    denied = " not " in text
    shares = (0.1, 0.8, 0.05, 0.05) if denied else (0.75, 0.1, 0.1, 0.1)
    return dict(zip(("equivalence", "contradiction", "hedge", "neutral"), shares, strict=True))


def relevance(text: str) -> Row:
    """What a judge that only looks for a "no" says of a passage."""
    return {"relevance": 0.9 if "no " in text.lower() else 0.2}


JUDGES: dict[str, Callable[[str], Row]] = {"relation": relation, "relevance": relevance}

MAKERS: dict[str, Callable[[int], Row]] = {
    "sentence": sentence,
    "retrieval": retrieval,
    "exclusion": exclusion,
    "twins": twins,
    "graded": graded,
}


def completion(content: str, finish: str) -> str:
    """A reply of the protocol, at 100 tokens read and 200 written."""
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    usage = {"prompt_tokens": 100, "completion_tokens": 200, "total_tokens": 300}
    return json.dumps({"object": "chat.completion", "choices": [choice], "usage": usage})


def handler(server: ChatServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fault = server.next_fault(request, self.headers["Authorization"])
            fault.before()
            if fault.hang:
                server.hanging.set()
                server.released.wait(30)
                self.close_connection = True
                return
            self.answer(fault, request)

        def answer(self, fault: Fault, request: dict[str, Any]) -> None:
            text = fault.body
            if text is None:
                content = fault.content
                if content is None:
                    content = json.dumps({"rows": server.rows(request)})
                text = completion(content, fault.finish)
            body = text.encode()
            self.send_response(fault.status)
            headers = {"Content-Type": "application/json"} | fault.headers
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) + 9 * fault.short))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = fault.short

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@contextmanager
def chat_server(
    make_handler: Callable[[ChatServer], type[BaseHTTPRequestHandler]] = handler,
) -> Iterator[ChatServer]:
    """Serve on a free port until the block ends."""
    chat = ChatServer()
    with ThreadingHTTPServer(("127.0.0.1", 0), make_handler(chat)) as http:
        http.daemon_threads = True
        chat.url = f"http://127.0.0.1:{http.server_port}/v1"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield chat
        finally:
            chat.released.set()
            http.shutdown()
            thread.join(10)
