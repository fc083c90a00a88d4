from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AcceptClockReply(_message.Message):
    __slots__ = ["ahead", "now"]
    AHEAD_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    ahead: int
    now: int
    def __init__(self, ahead: _Optional[int] = ..., now: _Optional[int] = ...) -> None: ...

class AcceptClockRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class AcknowledgeReply(_message.Message):
    __slots__ = ["durable_position"]
    DURABLE_POSITION_FIELD_NUMBER: _ClassVar[int]
    durable_position: int
    def __init__(self, durable_position: _Optional[int] = ...) -> None: ...

class AcknowledgeRequest(_message.Message):
    __slots__ = ["follower", "log_id", "position", "register"]
    FOLLOWER_FIELD_NUMBER: _ClassVar[int]
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    follower: bytes
    log_id: bytes
    position: int
    register: bool
    def __init__(self, follower: _Optional[bytes] = ..., position: _Optional[int] = ..., log_id: _Optional[bytes] = ..., register: bool = ...) -> None: ...

class ApplyReply(_message.Message):
    __slots__ = ["catalog_version", "changed", "position"]
    CATALOG_VERSION_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    catalog_version: int
    changed: bool
    position: int
    def __init__(self, position: _Optional[int] = ..., catalog_version: _Optional[int] = ..., changed: bool = ...) -> None: ...

class ApplyRequest(_message.Message):
    __slots__ = ["project"]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    project: bytes
    def __init__(self, project: _Optional[bytes] = ...) -> None: ...

class AuditDigestReply(_message.Message):
    __slots__ = ["position"]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    position: int
    def __init__(self, position: _Optional[int] = ...) -> None: ...

class AuditDigestRequest(_message.Message):
    __slots__ = ["group_id", "is_same_cut", "position", "scope"]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    IS_SAME_CUT_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    group_id: int
    is_same_cut: bool
    position: int
    scope: HashScope
    def __init__(self, position: _Optional[int] = ..., group_id: _Optional[int] = ..., scope: _Optional[_Union[HashScope, _Mapping]] = ..., is_same_cut: bool = ...) -> None: ...

class AuditRequest(_message.Message):
    __slots__ = ["log_id", "min_position", "project"]
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    MIN_POSITION_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    log_id: bytes
    min_position: int
    project: bytes
    def __init__(self, project: _Optional[bytes] = ..., min_position: _Optional[int] = ..., log_id: _Optional[bytes] = ...) -> None: ...

class AuditRowsRequest(_message.Message):
    __slots__ = ["group_id", "position", "scope"]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    group_id: int
    position: int
    scope: HashScope
    def __init__(self, position: _Optional[int] = ..., group_id: _Optional[int] = ..., scope: _Optional[_Union[HashScope, _Mapping]] = ...) -> None: ...

class BootstrapData(_message.Message):
    __slots__ = ["checksum", "file", "file_bytes", "offset", "position", "total_bytes"]
    CHECKSUM_FIELD_NUMBER: _ClassVar[int]
    FILE_BYTES_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    checksum: int
    file: int
    file_bytes: int
    offset: int
    position: int
    total_bytes: int
    def __init__(self, file: _Optional[int] = ..., file_bytes: _Optional[int] = ..., offset: _Optional[int] = ..., checksum: _Optional[int] = ..., position: _Optional[int] = ..., total_bytes: _Optional[int] = ...) -> None: ...

class BootstrapEnd(_message.Message):
    __slots__ = ["position", "total_bytes"]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    position: int
    total_bytes: int
    def __init__(self, position: _Optional[int] = ..., total_bytes: _Optional[int] = ...) -> None: ...

class BootstrapRequest(_message.Message):
    __slots__ = ["follower", "log_id"]
    FOLLOWER_FIELD_NUMBER: _ClassVar[int]
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    follower: bytes
    log_id: bytes
    def __init__(self, follower: _Optional[bytes] = ..., log_id: _Optional[bytes] = ...) -> None: ...

class ColumnSpec(_message.Message):
    __slots__ = ["name", "type"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    name: bytes
    type: bytes
    def __init__(self, name: _Optional[bytes] = ..., type: _Optional[bytes] = ...) -> None: ...

class CompactReply(_message.Message):
    __slots__ = ["bytes_after", "bytes_before", "chunks_after", "chunks_before", "position"]
    BYTES_AFTER_FIELD_NUMBER: _ClassVar[int]
    BYTES_BEFORE_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_AFTER_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_BEFORE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    bytes_after: int
    bytes_before: int
    chunks_after: int
    chunks_before: int
    position: int
    def __init__(self, position: _Optional[int] = ..., chunks_before: _Optional[int] = ..., chunks_after: _Optional[int] = ..., bytes_before: _Optional[int] = ..., bytes_after: _Optional[int] = ...) -> None: ...

class CompactRequest(_message.Message):
    __slots__ = ["group", "project"]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    group: bytes
    project: bytes
    def __init__(self, project: _Optional[bytes] = ..., group: _Optional[bytes] = ...) -> None: ...

class DescribeRequest(_message.Message):
    __slots__ = ["as_of", "name", "project"]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    as_of: int
    name: bytes
    project: bytes
    def __init__(self, project: _Optional[bytes] = ..., name: _Optional[bytes] = ..., as_of: _Optional[int] = ...) -> None: ...

class ErrorDetail(_message.Message):
    __slots__ = ["applied_position", "code", "location", "message"]
    APPLIED_POSITION_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    applied_position: int
    code: int
    location: bytes
    message: bytes
    def __init__(self, code: _Optional[int] = ..., message: _Optional[bytes] = ..., location: _Optional[bytes] = ..., applied_position: _Optional[int] = ...) -> None: ...

class FollowData(_message.Message):
    __slots__ = ["durable_position"]
    DURABLE_POSITION_FIELD_NUMBER: _ClassVar[int]
    durable_position: int
    def __init__(self, durable_position: _Optional[int] = ...) -> None: ...

class FollowEnd(_message.Message):
    __slots__ = ["durable_position"]
    DURABLE_POSITION_FIELD_NUMBER: _ClassVar[int]
    durable_position: int
    def __init__(self, durable_position: _Optional[int] = ...) -> None: ...

class FollowRequest(_message.Message):
    __slots__ = ["addresses", "durable_position", "follower", "from_position", "log_id"]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    DURABLE_POSITION_FIELD_NUMBER: _ClassVar[int]
    FOLLOWER_FIELD_NUMBER: _ClassVar[int]
    FROM_POSITION_FIELD_NUMBER: _ClassVar[int]
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    addresses: _containers.RepeatedScalarFieldContainer[bytes]
    durable_position: int
    follower: bytes
    from_position: int
    log_id: bytes
    def __init__(self, from_position: _Optional[int] = ..., follower: _Optional[bytes] = ..., log_id: _Optional[bytes] = ..., durable_position: _Optional[int] = ..., addresses: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ForgetReply(_message.Message):
    __slots__ = ["position"]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    position: int
    def __init__(self, position: _Optional[int] = ...) -> None: ...

class ForgetRequest(_message.Message):
    __slots__ = ["follower"]
    FOLLOWER_FIELD_NUMBER: _ClassVar[int]
    follower: bytes
    def __init__(self, follower: _Optional[bytes] = ...) -> None: ...

class GetPreparedRequest(_message.Message):
    __slots__ = ["at", "event_times", "log_id", "min_position"]
    AT_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIMES_FIELD_NUMBER: _ClassVar[int]
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    MIN_POSITION_FIELD_NUMBER: _ClassVar[int]
    at: int
    event_times: bool
    log_id: bytes
    min_position: int
    def __init__(self, at: _Optional[int] = ..., min_position: _Optional[int] = ..., log_id: _Optional[bytes] = ..., event_times: bool = ...) -> None: ...

class HashScope(_message.Message):
    __slots__ = ["prefix_bits", "prefixes", "seed", "split_bits"]
    PREFIXES_FIELD_NUMBER: _ClassVar[int]
    PREFIX_BITS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SPLIT_BITS_FIELD_NUMBER: _ClassVar[int]
    prefix_bits: int
    prefixes: _containers.RepeatedScalarFieldContainer[int]
    seed: int
    split_bits: int
    def __init__(self, seed: _Optional[int] = ..., prefix_bits: _Optional[int] = ..., split_bits: _Optional[int] = ..., prefixes: _Optional[_Iterable[int]] = ...) -> None: ...

class HelloReply(_message.Message):
    __slots__ = ["capabilities", "limits", "log_id", "peers", "roles", "server_version", "version", "wall_time"]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    PEERS_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WALL_TIME_FIELD_NUMBER: _ClassVar[int]
    capabilities: _containers.RepeatedScalarFieldContainer[bytes]
    limits: ReceiveLimits
    log_id: bytes
    peers: _containers.RepeatedCompositeFieldContainer[Peer]
    roles: _containers.RepeatedScalarFieldContainer[bytes]
    server_version: bytes
    version: int
    wall_time: int
    def __init__(self, version: _Optional[int] = ..., server_version: _Optional[bytes] = ..., roles: _Optional[_Iterable[bytes]] = ..., peers: _Optional[_Iterable[_Union[Peer, _Mapping]]] = ..., log_id: _Optional[bytes] = ..., limits: _Optional[_Union[ReceiveLimits, _Mapping]] = ..., wall_time: _Optional[int] = ..., capabilities: _Optional[_Iterable[bytes]] = ...) -> None: ...

class HelloRequest(_message.Message):
    __slots__ = ["capabilities", "client_name", "client_version", "limits", "project", "token", "version_max", "version_min"]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    CLIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    CLIENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    VERSION_MAX_FIELD_NUMBER: _ClassVar[int]
    VERSION_MIN_FIELD_NUMBER: _ClassVar[int]
    capabilities: _containers.RepeatedScalarFieldContainer[bytes]
    client_name: bytes
    client_version: bytes
    limits: ReceiveLimits
    project: bytes
    token: bytes
    version_max: int
    version_min: int
    def __init__(self, version_min: _Optional[int] = ..., version_max: _Optional[int] = ..., token: _Optional[bytes] = ..., capabilities: _Optional[_Iterable[bytes]] = ..., project: _Optional[bytes] = ..., client_name: _Optional[bytes] = ..., limits: _Optional[_Union[ReceiveLimits, _Mapping]] = ..., client_version: _Optional[bytes] = ...) -> None: ...

class HistoryRequest(_message.Message):
    __slots__ = ["as_of", "availability_ingest", "event_times", "features", "full_feature_names", "log_id", "min_position", "project", "service", "spine_columns", "spine_time"]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    AVAILABILITY_INGEST_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIMES_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    FULL_FEATURE_NAMES_FIELD_NUMBER: _ClassVar[int]
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    MIN_POSITION_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    SPINE_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    SPINE_TIME_FIELD_NUMBER: _ClassVar[int]
    as_of: int
    availability_ingest: bool
    event_times: bool
    features: _containers.RepeatedScalarFieldContainer[bytes]
    full_feature_names: bool
    log_id: bytes
    min_position: int
    project: bytes
    service: bytes
    spine_columns: _containers.RepeatedCompositeFieldContainer[ColumnSpec]
    spine_time: bytes
    def __init__(self, project: _Optional[bytes] = ..., service: _Optional[bytes] = ..., features: _Optional[_Iterable[bytes]] = ..., full_feature_names: bool = ..., spine_columns: _Optional[_Iterable[_Union[ColumnSpec, _Mapping]]] = ..., spine_time: _Optional[bytes] = ..., as_of: _Optional[int] = ..., availability_ingest: bool = ..., min_position: _Optional[int] = ..., log_id: _Optional[bytes] = ..., event_times: bool = ...) -> None: ...

class JSONReply(_message.Message):
    __slots__ = ["position"]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    position: int
    def __init__(self, position: _Optional[int] = ...) -> None: ...

class LatestRequest(_message.Message):
    __slots__ = ["as_of", "at", "brief", "columns", "deletes", "group", "key_names", "log_id", "min_position", "project"]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    BRIEF_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    DELETES_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    KEY_NAMES_FIELD_NUMBER: _ClassVar[int]
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    MIN_POSITION_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    as_of: int
    at: int
    brief: bool
    columns: _containers.RepeatedScalarFieldContainer[bytes]
    deletes: bool
    group: bytes
    key_names: _containers.RepeatedScalarFieldContainer[bytes]
    log_id: bytes
    min_position: int
    project: bytes
    def __init__(self, project: _Optional[bytes] = ..., group: _Optional[bytes] = ..., columns: _Optional[_Iterable[bytes]] = ..., as_of: _Optional[int] = ..., deletes: bool = ..., min_position: _Optional[int] = ..., log_id: _Optional[bytes] = ..., at: _Optional[int] = ..., key_names: _Optional[_Iterable[bytes]] = ..., brief: bool = ...) -> None: ...

class ListRequest(_message.Message):
    __slots__ = ["project"]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    project: bytes
    def __init__(self, project: _Optional[bytes] = ...) -> None: ...

class OpenProducerReply(_message.Message):
    __slots__ = ["epoch", "log_id", "producer"]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCER_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    log_id: bytes
    producer: int
    def __init__(self, producer: _Optional[int] = ..., epoch: _Optional[int] = ..., log_id: _Optional[bytes] = ...) -> None: ...

class OpenProducerRequest(_message.Message):
    __slots__ = ["name", "project"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    name: bytes
    project: bytes
    def __init__(self, project: _Optional[bytes] = ..., name: _Optional[bytes] = ...) -> None: ...

class Output(_message.Message):
    __slots__ = ["group", "name", "type"]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    group: bytes
    name: bytes
    type: bytes
    def __init__(self, name: _Optional[bytes] = ..., type: _Optional[bytes] = ..., group: _Optional[bytes] = ...) -> None: ...

class Peer(_message.Message):
    __slots__ = ["address", "role"]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    address: bytes
    role: bytes
    def __init__(self, role: _Optional[bytes] = ..., address: _Optional[bytes] = ...) -> None: ...

class PrepareReply(_message.Message):
    __slots__ = ["handle", "keys", "outputs", "request", "warnings"]
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    handle: int
    keys: _containers.RepeatedCompositeFieldContainer[ColumnSpec]
    outputs: _containers.RepeatedCompositeFieldContainer[Output]
    request: _containers.RepeatedCompositeFieldContainer[ColumnSpec]
    warnings: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, handle: _Optional[int] = ..., outputs: _Optional[_Iterable[_Union[Output, _Mapping]]] = ..., keys: _Optional[_Iterable[_Union[ColumnSpec, _Mapping]]] = ..., warnings: _Optional[_Iterable[bytes]] = ..., request: _Optional[_Iterable[_Union[ColumnSpec, _Mapping]]] = ...) -> None: ...

class PrepareRequest(_message.Message):
    __slots__ = ["as_of", "features", "full_feature_names", "project", "service"]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    FULL_FEATURE_NAMES_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    as_of: int
    features: _containers.RepeatedScalarFieldContainer[bytes]
    full_feature_names: bool
    project: bytes
    service: bytes
    def __init__(self, project: _Optional[bytes] = ..., service: _Optional[bytes] = ..., features: _Optional[_Iterable[bytes]] = ..., full_feature_names: bool = ..., as_of: _Optional[int] = ...) -> None: ...

class PromoteRequest(_message.Message):
    __slots__ = ["dry_run", "force", "kind", "name", "project"]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    dry_run: bool
    force: bool
    kind: bytes
    name: bytes
    project: bytes
    def __init__(self, project: _Optional[bytes] = ..., kind: _Optional[bytes] = ..., name: _Optional[bytes] = ..., force: bool = ..., dry_run: bool = ...) -> None: ...

class ReceiveLimits(_message.Message):
    __slots__ = ["frame_bytes_max", "initial_window_bytes", "requests_in_flight_max", "streams_open_max"]
    FRAME_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    INITIAL_WINDOW_BYTES_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_IN_FLIGHT_MAX_FIELD_NUMBER: _ClassVar[int]
    STREAMS_OPEN_MAX_FIELD_NUMBER: _ClassVar[int]
    frame_bytes_max: int
    initial_window_bytes: int
    requests_in_flight_max: int
    streams_open_max: int
    def __init__(self, frame_bytes_max: _Optional[int] = ..., requests_in_flight_max: _Optional[int] = ..., streams_open_max: _Optional[int] = ..., initial_window_bytes: _Optional[int] = ...) -> None: ...

class RemoveRequest(_message.Message):
    __slots__ = ["dry_run", "force", "keep_history", "kind", "name", "project"]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    KEEP_HISTORY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    dry_run: bool
    force: bool
    keep_history: bool
    kind: bytes
    name: bytes
    project: bytes
    def __init__(self, project: _Optional[bytes] = ..., kind: _Optional[bytes] = ..., name: _Optional[bytes] = ..., force: bool = ..., keep_history: bool = ..., dry_run: bool = ...) -> None: ...

class ReportRequest(_message.Message):
    __slots__ = ["name"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: bytes
    def __init__(self, name: _Optional[bytes] = ...) -> None: ...

class RowsData(_message.Message):
    __slots__ = ["outputs", "row_offset"]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    ROW_OFFSET_FIELD_NUMBER: _ClassVar[int]
    outputs: _containers.RepeatedCompositeFieldContainer[Output]
    row_offset: int
    def __init__(self, row_offset: _Optional[int] = ..., outputs: _Optional[_Iterable[_Union[Output, _Mapping]]] = ...) -> None: ...

class RowsEnd(_message.Message):
    __slots__ = ["log_id", "position", "rows"]
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    log_id: bytes
    position: int
    rows: int
    def __init__(self, position: _Optional[int] = ..., rows: _Optional[int] = ..., log_id: _Optional[bytes] = ...) -> None: ...

class ScanRequest(_message.Message):
    __slots__ = ["as_of", "brief", "columns", "deletes", "end", "group", "key_names", "log_id", "min_position", "project", "start"]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    BRIEF_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    DELETES_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    KEY_NAMES_FIELD_NUMBER: _ClassVar[int]
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    MIN_POSITION_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    as_of: int
    brief: bool
    columns: _containers.RepeatedScalarFieldContainer[bytes]
    deletes: bool
    end: int
    group: bytes
    key_names: _containers.RepeatedScalarFieldContainer[bytes]
    log_id: bytes
    min_position: int
    project: bytes
    start: int
    def __init__(self, project: _Optional[bytes] = ..., group: _Optional[bytes] = ..., columns: _Optional[_Iterable[bytes]] = ..., start: _Optional[int] = ..., end: _Optional[int] = ..., as_of: _Optional[int] = ..., deletes: bool = ..., min_position: _Optional[int] = ..., log_id: _Optional[bytes] = ..., key_names: _Optional[_Iterable[bytes]] = ..., brief: bool = ...) -> None: ...

class SnapshotReply(_message.Message):
    __slots__ = ["bytes", "position", "rows"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    position: int
    rows: int
    def __init__(self, position: _Optional[int] = ..., rows: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class SnapshotRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class StatusRequest(_message.Message):
    __slots__ = ["project"]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    project: bytes
    def __init__(self, project: _Optional[bytes] = ...) -> None: ...

class WriteReply(_message.Message):
    __slots__ = ["duplicate", "ingest_time", "keys_with_newer_rows", "position", "row_counts", "rows_behind_tombstone", "rows_below_cutoff"]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    INGEST_TIME_FIELD_NUMBER: _ClassVar[int]
    KEYS_WITH_NEWER_ROWS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ROWS_BEHIND_TOMBSTONE_FIELD_NUMBER: _ClassVar[int]
    ROWS_BELOW_CUTOFF_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNTS_FIELD_NUMBER: _ClassVar[int]
    duplicate: bool
    ingest_time: int
    keys_with_newer_rows: int
    position: int
    row_counts: _containers.RepeatedScalarFieldContainer[int]
    rows_behind_tombstone: int
    rows_below_cutoff: int
    def __init__(self, position: _Optional[int] = ..., ingest_time: _Optional[int] = ..., row_counts: _Optional[_Iterable[int]] = ..., keys_with_newer_rows: _Optional[int] = ..., duplicate: bool = ..., rows_below_cutoff: _Optional[int] = ..., rows_behind_tombstone: _Optional[int] = ...) -> None: ...

class WriteRequest(_message.Message):
    __slots__ = ["catalog_version", "epoch", "producer", "project", "sequence"]
    CATALOG_VERSION_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    PRODUCER_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    catalog_version: int
    epoch: int
    producer: int
    project: bytes
    sequence: int
    def __init__(self, project: _Optional[bytes] = ..., producer: _Optional[int] = ..., epoch: _Optional[int] = ..., sequence: _Optional[int] = ..., catalog_version: _Optional[int] = ...) -> None: ...
