"""Everything that can go wrong with a request, each class with its HTTP status.

- ServiceError
    - InvalidInput 422        wrong type, unknown prompt, a value out of range
        - EmptyInput 400      nothing to embed, or a text without content
        - InputTooLong 422    a text over the model's limit, with truncation off, or over the
                              operator's for its windows, sentences or words
        - TooManyInputs 422   more texts in a request than the operator allows
        - UnreadableTokens 422  token ids, and nothing to read them with
    - Unauthorized 401        no key, or a wrong one, where the operator asks for one
    - MalformedBody 400       not JSON, or not UTF-8
    - RequestTimeout 408      the body did not arrive before the request's deadline
    - BodyTooLarge 413        the body is over the operator's limit
    - UnsupportedEncoding 415 the body is compressed in a way that we do not read
    - UnknownModel 404        a model was named that is not served here
    - WrongModelType 424      the route needs a model that is not loaded
    - InferenceFailed 424     the runtime failed on this text, or gave an unusable vector
    - Overloaded 429          the queue is full; `retry_after` says when to come back
    - Unavailable 503         starting, stopping, or inference is stuck or broken
    - DeadlineExceeded 504    the request's deadline passed before it was answered
    - InternalError 500       a fault of ours; the reason is in the log only

Each route family renders these in its own shape (`service.routes`).
- StartupError is for the operator: one line on stderr and a non-zero exit.
"""

from __future__ import annotations


class ServiceError(Exception):
    """A request could not be served.

    Args:
        message: What is wrong, in words meant for the client.
        index: Position of the text at fault in the request's list, where one text is at fault.
        param: Name of the request field at fault.
    """

    status: int = 500
    type: str = "Backend"  # text-embeddings-inference's `error_type`
    code: str = "internal_error"  # OpenAI's `code`

    def __init__(self, message: str, *, index: int | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.index = index
        self.param = param


class InvalidInput(ServiceError):
    """A field has a wrong type or a value out of range."""

    status = 422
    type = "Validation"
    code = "invalid_value"


class EmptyInput(InvalidInput):
    """There is nothing to embed."""

    status = 400
    type = "Empty"
    code = "empty_input"


class InputTooLong(InvalidInput):
    """A text is longer than the model reads or the operator allows, and is not to be cut."""

    code = "context_length_exceeded"


class TooManyInputs(InvalidInput):
    """The request holds more texts than the operator allows."""

    code = "too_many_inputs"


class UnreadableTokens(InvalidInput):
    """The request holds token ids, and this process cannot turn them back into text."""

    code = "token_ids_not_supported"


class Unauthorized(ServiceError):
    """The request has no key, or a wrong one."""

    status = 401
    type = "Validation"
    code = "invalid_api_key"


class MalformedBody(ServiceError):
    """The body is not UTF-8 encoded JSON."""

    status = 400
    type = "Validation"
    code = "malformed_body"


class RequestTimeout(ServiceError):
    """The body did not arrive before the request's deadline."""

    status = 408
    type = "Validation"
    code = "request_timeout"


class BodyTooLarge(ServiceError):
    """The body is larger than the operator allows."""

    status = 413
    type = "Validation"
    code = "body_too_large"


class UnsupportedEncoding(ServiceError):
    """The body is compressed in a way that we do not read."""

    status = 415
    type = "Validation"
    code = "unsupported_content_encoding"


class UnknownModel(ServiceError):
    """The request names a model that is not served here."""

    status = 404
    type = "Validation"
    code = "model_not_found"


class WrongModelType(ServiceError):
    """The route needs a model that was not loaded."""

    status = 424
    type = "Backend"
    code = "wrong_model_type"


class InferenceFailed(ServiceError):
    """The runtime failed on a text, or returned a vector that is zero or not finite."""

    status = 424
    type = "Backend"
    code = "inference_failed"


class Overloaded(ServiceError):
    """The queue is full.

    Args:
        message: What is wrong, in words meant for the client.
        retry_after: Seconds until the queue is expected to have room.
    """

    status = 429
    type = "Overloaded"
    code = "overloaded"

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(ServiceError):
    """The service is starting or stopping, or its inference is stuck or broken.

    Attributes:
        retry_after: Seconds after which to try again, here or at another replica.
    """

    retry_after = 1.0

    status = 503
    type = "Unhealthy"
    code = "unavailable"


class DeadlineExceeded(ServiceError):
    """The deadline passed before the request was answered; what of it still waits is not run."""

    status = 504
    type = "Overloaded"
    code = "deadline_exceeded"


class InternalError(ServiceError):
    """A fault of ours; what happened is in the log, not in the response."""


class StartupError(Exception):
    """The service cannot start as configured; the message is one line for the operator."""
