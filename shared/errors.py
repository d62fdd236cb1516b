"""One tree of errors. Each is named by the fact, says what happened and what to do about it.

`retryable` belongs to the class: the delivery runtime tries a retryable failure again with
backoff and sends any other straight to the dead letters, where a person can read it.
"""

from __future__ import annotations

from typing import ClassVar


class GristmillError(Exception):
    """Anything Gristmill can explain.

    Args:
        message: what happened, naming the document, model or address concerned.
        hint: what the reader can do about it; empty where the message says it all.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


# Documents


class DocumentError(GristmillError):
    """A document that cannot be turned into passages; the other documents go on."""


class DocumentNotFound(DocumentError):
    """The path, or the blob a message refers to, does not exist."""


class DocumentEmpty(DocumentError):
    """There is no text in it."""


class DocumentTooLarge(DocumentError):
    """It is over the size limit, as a file or once unpacked."""


class DocumentUnreadable(DocumentError):
    """It is damaged, or not in the format that its name or content type says."""


class DocumentEncrypted(DocumentError):
    """It needs a password."""


class DocumentHasNoText(DocumentError):
    """Pages without a text layer (a scan), or a page without main content."""


class UnsupportedFormat(DocumentError):
    """Neither HTML, Markdown, plain text, PDF nor DOCX."""


class UrlRefused(DocumentError):
    """A URL that must not be fetched: private address, other scheme, a refusing server."""


class UrlUnreachable(DocumentError):
    """A URL that did not answer in time or not at all."""

    retryable = True


class NoDocumentsFound(GristmillError):
    """The paths, folders and patterns given hold no document."""


# Messages and the broker


class InvalidMessage(GristmillError):
    """A message that is not JSON, or does not fit its schema."""


class UnknownSchemaVersion(InvalidMessage):
    """A message written by a newer (or unknown) version of Gristmill."""


class DeliveredTooOften(GristmillError):
    """A message whose handler never came to an end, as often as it was delivered."""


class BrokerUnreachable(GristmillError):
    """Redis or Valkey does not answer, or takes no writes."""

    retryable = True


class GroupGone(GristmillError):
    """A consumer group was destroyed: the broker has lost data."""


class StreamFull(GristmillError):
    """The stream is past its high-water mark; its consumers have to catch up first."""

    retryable = True


# Models


class ModelNotFound(GristmillError):
    """The model reference names nothing that is installed or on disk."""


class ModelUnsupported(GristmillError):
    """The model exists and the engine cannot run it."""


class GenerationFailed(GristmillError):
    """The model gave nothing usable for this input."""


class EndpointUnreachable(GristmillError):
    """A model endpoint that does not answer, or answers that it is busy."""

    retryable = True


class EndpointRefused(GristmillError):
    """A model endpoint that answers with a refusal that trying again will not change."""


# Index, dataset, local stack


class IndexUnreachable(GristmillError):
    """The vector index does not answer."""

    retryable = True


class IndexInUse(GristmillError):
    """Another process holds the embedded index open."""


class IndexMismatch(GristmillError):
    """The index was made with another embedding model."""


class DatasetNotFound(GristmillError):
    """No such dataset version."""


class HomeInUse(GristmillError):
    """Another process runs the local stack in this home folder."""


class ServiceUnknown(GristmillError):
    """No service has this name."""


class ConfigurationInvalid(GristmillError):
    """A setting has a value that cannot be used."""
