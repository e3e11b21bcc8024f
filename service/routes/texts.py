"""The texts of a request, and what each of them is called in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from service.errors import EmptyInput, InvalidInput, ServiceError, TooManyInputs


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text stands in its request.

    Attributes:
        label: The whole path, such as `pairs[3].a`.
        param: The field, such as `pairs`.
        index: The position in the field's list; None where the field is no list.
    """

    label: str
    param: str
    index: int | None


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts in the order in which they are embedded.

    Attributes:
        texts: The texts.
        place: Tells where the n-th of them stands in the request.
    """

    texts: Sequence[str]
    place: Callable[[int], Place]

    def check(self, *, blanks_allowed: bool = False) -> None:
        """Refuse a text that nothing can be made of.

        Args:
            blanks_allowed: Take texts without content as well.

        Raises:
            EmptyInput: A text is empty, or only white space.
            InvalidInput: A text holds a lone surrogate.
        """
        for number, text in enumerate(self.texts):
            if not blanks_allowed and (not text or text.isspace()):
                place = self.place(number)
                message = f"`{place.label}` cannot be empty"
                raise EmptyInput(message, index=place.index, param=place.param)
            if not _is_unicode(text):
                place = self.place(number)
                message = f"`{place.label}` holds a lone surrogate, which is no character"
                raise InvalidInput(message, index=place.index, param=place.param)

    def entries(self, numbers: Sequence[int]) -> list[str]:
        """Return the list positions of the texts with these numbers, or the fields without one."""
        places = (self.place(number) for number in numbers)
        names = (place.param if place.index is None else str(place.index) for place in places)
        return list(dict.fromkeys(names))


@contextmanager
def named(place: Callable[[int], Place]) -> Iterator[None]:
    """Give an error that tells a text by its number the text's place in the request.

    Below the routes every text is called `inputs`.
    """
    try:
        yield
    except ServiceError as error:
        if error.index is None:
            raise
        found = place(error.index)
        error.param, error.index = found.param, found.index
        message = error.message if "`inputs`" in error.message else f"`inputs`: {error.message}"
        error.message = message.replace("`inputs`", f"`{found.label}`", 1)
        raise


@contextmanager
def renamed(param: str, name: str) -> Iterator[None]:
    """Give an error about a field the name that the field has in this family."""
    try:
        yield
    except ServiceError as error:
        if error.param == param:
            error.param = name
            error.message = error.message.replace(f"`{param}`", f"`{name}`")
        raise


def single(param: str, text: str) -> Texts:
    """A text in a field of its own."""
    return Texts([text], lambda _: Place(param, param, None))


def listed(param: str, texts: Sequence[str]) -> Texts:
    """Texts that stand in one list."""
    return Texts(texts, lambda number: Place(f"{param}[{number}]", param, number))


def compared(prefix: str, source: str, sentences: Sequence[str]) -> Texts:
    """A source sentence, and the sentences it is compared with."""

    def place(number: int) -> Place:
        if number == 0:
            return Place(f"{prefix}source_sentence", "source_sentence", None)
        return Place(f"{prefix}sentences[{number - 1}]", "sentences", number - 1)

    return Texts([source, *sentences], place)


def led(lead: str, text: str, param: str, texts: Sequence[str]) -> Texts:
    """A text in a field of its own, such as a query, and the texts of a list."""

    def place(number: int) -> Place:
        if number == 0:
            return Place(lead, lead, None)
        return Place(f"{param}[{number - 1}]", param, number - 1)

    return Texts([text, *texts], place)


def paired(
    pairs: Sequence[tuple[str, str]],
    ends: tuple[str, str] = ("[0]", "[1]"),
    param: str = "pairs",
) -> Texts:
    """The texts of a list of pairs, the two of a pair beside each other."""

    def place(number: int) -> Place:
        index, end = divmod(number, 2)
        return Place(f"{param}[{index}]{ends[end]}", param, index)

    return Texts([text for pair in pairs for text in pair], place)


def check_count(param: str, count: int, limit: int) -> None:
    """Refuse an empty list, and one with more entries than the operator allows.

    Raises:
        EmptyInput: There is nothing in it.
        TooManyInputs: There is too much in it.
    """
    if count == 0:
        raise EmptyInput(f"`{param}` cannot be empty", param=param)
    if count > limit:
        raise TooManyInputs(
            f"`{param}`: batch size {count} > maximum allowed batch size {limit}", param=param
        )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
