"""Headwater's client for Python.

    import headwater as hw

    client = hw.open("./store")                                    # an embedded store: a private server on that directory
    client = hw.connect("127.0.0.1:7070", project="flights")       # or a server
    client.apply("features.yaml")
    position = client.write("weather", table)
    got = client.get_online_features(service="departure_delay", entities={"origin": ["JFK"]}, min_position=position)
    training = client.get_historical_features(spine=spine, service="departure_delay").to_pandas()

`hw.aio` has the same calls as coroutines. A time is a datetime, a pandas Timestamp, a NumPy datetime64, RFC 3339 text, or
microseconds since 1970 as an int; without a zone it is UTC. Errors are subclasses of `HeadwaterError`.
"""

from typing import TYPE_CHECKING, Any

from . import aio
from ._calls.written import Written
from ._connect import connect, open
from ._trace import trace
from ._version import __version__
from .client import Client
from .datasets import Dataset, DatasetReport, Split
from .definitions import Entity, Expression, Feature, FeatureGroup, FeatureService, Key, Reference, RequestColumn, to_yaml
from .errors import (
    Aborted,
    AlreadyExists,
    Cancelled,
    DataLoss,
    DeadlineExceeded,
    FailedPrecondition,
    HeadwaterError,
    Internal,
    InvalidArgument,
    NotFound,
    OutOfRange,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    Unknown,
)
from .history import FeatureTable, HistoricalFeatures, Scan
from .online import OnlineFeatures, Status
from .reports import AuditReport, ClientsReport, Description, Listing, Plan, Report, SlowReport, StatusReport
from .stream import Stream

if TYPE_CHECKING:
    from ._evaluate import evaluate
    from ._infer import infer_group


def __getattr__(name: str) -> Any:
    # Imported when they are first used: what they know of texts makes Arrow import pandas.
    if name == "infer_group":
        from ._infer import infer_group

        return globals().setdefault(name, infer_group)
    if name == "evaluate":
        from ._evaluate import evaluate

        return globals().setdefault(name, evaluate)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Aborted",
    "AlreadyExists",
    "AuditReport",
    "Cancelled",
    "Client",
    "ClientsReport",
    "DataLoss",
    "Dataset",
    "DatasetReport",
    "DeadlineExceeded",
    "Description",
    "Entity",
    "Expression",
    "FailedPrecondition",
    "Feature",
    "FeatureGroup",
    "FeatureService",
    "FeatureTable",
    "HeadwaterError",
    "HistoricalFeatures",
    "Internal",
    "InvalidArgument",
    "Key",
    "Listing",
    "NotFound",
    "OnlineFeatures",
    "OutOfRange",
    "PermissionDenied",
    "Plan",
    "Reference",
    "Report",
    "RequestColumn",
    "ResourceExhausted",
    "Scan",
    "SlowReport",
    "Split",
    "Status",
    "StatusReport",
    "Stream",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "Unknown",
    "Written",
    "__version__",
    "aio",
    "connect",
    "evaluate",
    "infer_group",
    "open",
    "to_yaml",
    "trace",
]
