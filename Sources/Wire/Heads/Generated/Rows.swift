// Made by `make protos` of Protos/headwater.proto: change that.
//
// Rows: histories, scans and latest rows, answered as streams.

internal import CHeadwaterProto
package import FeatureModel

/// Asks for a point-in-time join; the spine is in the body and in data frames.
package struct HistoryRequest: Head {
    package var project = ""
    /// `name` or `name@version`. Absent: `features` are given.
    package var service: String?
    /// `group:feature` or `group@version:feature` each; empty where a service is given.
    package var features: [String] = []
    package var fullFeatureNames = false
    /// Columns of the spine's batches: keys and the time, in order.
    package var spineColumns: [ColumnSpec] = []
    /// Which of them is the time.
    package var spineTime = ""
    /// The position as of which rows are read. Absent: the latest.
    package var asOf: UInt64?
    /// Whether a row must also have been known at the spine row's time.
    package var availabilityIngest = false
    package var minPosition: UInt64 = 0
    /// Bytes: 16, of the log that `minPosition` is of; empty where it is not checked.
    package var logID: [UInt8] = []
    /// Whether the answer says when each value became true.
    package var eventTimes = false

    package init() {}
}

extension HistoryRequest {
    private static func blank() -> Headwater__V1__HistoryRequest {
        var c = unsafe Headwater__V1__HistoryRequest()
        unsafe headwater__v1__history_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__HistoryRequest) throws(HeadwaterError) {
        project = try unsafe c.project.text(1)
        service = try unsafe c.has_service == 0 ? nil : c.service.text(2)
        features = try unsafe ProtobufCReader.texts(c.features, c.n_features, 3)
        fullFeatureNames = unsafe c.full_feature_names != 0
        spineColumns = try unsafe ProtobufCReader.heads(c.spine_columns, c.n_spine_columns, ColumnSpec.init(reading:))
        spineTime = try unsafe c.spine_time.text(6)
        asOf = unsafe c.has_as_of == 0 ? nil : c.as_of
        availabilityIngest = unsafe c.availability_ingest != 0
        minPosition = unsafe c.min_position
        logID = unsafe c.log_id.bytes
        eventTimes = unsafe c.event_times != 0
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__HistoryRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(project, &c.project, &c.has_project)
        unsafe arena.put(service, &c.service, &c.has_service)
        unsafe arena.put(features, &c.features, &c.n_features)
        unsafe arena.put(fullFeatureNames, &c.full_feature_names, &c.has_full_feature_names)
        unsafe arena.put(spineColumns.map { unsafe $0.message(in: arena) }, &c.spine_columns, &c.n_spine_columns)
        unsafe arena.put(spineTime, &c.spine_time, &c.has_spine_time)
        unsafe arena.put(asOf, &c.as_of, &c.has_as_of)
        unsafe arena.put(availabilityIngest, &c.availability_ingest, &c.has_availability_ingest)
        unsafe arena.put(minPosition, &c.min_position, &c.has_min_position)
        unsafe arena.put(logID, &c.log_id, &c.has_log_id)
        unsafe arena.put(eventTimes, &c.event_times, &c.has_event_times)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// One batch of a stream of rows.
package struct RowsData: Head {
    /// Number of the batch's first row in the whole answer.
    package var rowOffset: UInt64 = 0
    /// The columns; in the first frame of a stream.
    package var outputs: [Output] = []

    package init() {}
}

extension RowsData {
    private static func blank() -> Headwater__V1__RowsData {
        var c = unsafe Headwater__V1__RowsData()
        unsafe headwater__v1__rows_data__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__RowsData) throws(HeadwaterError) {
        rowOffset = unsafe c.row_offset
        outputs = try unsafe ProtobufCReader.heads(c.outputs, c.n_outputs, Output.init(reading:))
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__RowsData {
        var c = unsafe Self.blank()
        unsafe arena.put(rowOffset, &c.row_offset, &c.has_row_offset)
        unsafe arena.put(outputs.map { unsafe $0.message(in: arena) }, &c.outputs, &c.n_outputs)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// The end of a stream of rows.
package struct RowsEnd: Head {
    package var position: UInt64 = 0
    package var rows: UInt64 = 0
    /// Bytes: 16, of the log that `position` is of.
    package var logID: [UInt8] = []

    package init() {}
}

extension RowsEnd {
    private static func blank() -> Headwater__V1__RowsEnd {
        var c = unsafe Headwater__V1__RowsEnd()
        unsafe headwater__v1__rows_end__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__RowsEnd) throws(HeadwaterError) {
        position = unsafe c.position
        rows = unsafe c.rows
        logID = unsafe c.log_id.bytes
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__RowsEnd {
        var c = unsafe Self.blank()
        unsafe arena.put(position, &c.position, &c.has_position)
        unsafe arena.put(rows, &c.rows, &c.has_rows)
        unsafe arena.put(logID, &c.log_id, &c.has_log_id)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// Asks for the rows of a group.
package struct ScanRequest: Head {
    package var project = ""
    package var group = ""
    /// Empty for all.
    package var columns: [String] = []
    /// The first event time that is taken. Absent: all before `end`.
    package var start: Int64?
    /// The first event time that is not taken any more. Absent: all from `start` on.
    package var end: Int64?
    /// The position as of which rows are read. Absent: the latest.
    package var asOf: UInt64?
    /// Whether tombstones are told too.
    package var deletes = false
    package var minPosition: UInt64 = 0
    /// Bytes: 16, of the log that `minPosition` is of; empty where it is not checked.
    package var logID: [UInt8] = []
    /// Only rows of the keys in the body are told, a batch whose column i is `keyNames[i]`; empty for rows of all keys.
    package var keyNames: [String] = []
    /// Whether beside features only keys and event time are told.
    package var brief = false

    package init() {}
}

extension ScanRequest {
    private static func blank() -> Headwater__V1__ScanRequest {
        var c = unsafe Headwater__V1__ScanRequest()
        unsafe headwater__v1__scan_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__ScanRequest) throws(HeadwaterError) {
        project = try unsafe c.project.text(1)
        group = try unsafe c.group.text(2)
        columns = try unsafe ProtobufCReader.texts(c.columns, c.n_columns, 3)
        start = unsafe c.has_start == 0 ? nil : c.start
        end = unsafe c.has_end == 0 ? nil : c.end
        asOf = unsafe c.has_as_of == 0 ? nil : c.as_of
        deletes = unsafe c.deletes != 0
        minPosition = unsafe c.min_position
        logID = unsafe c.log_id.bytes
        keyNames = try unsafe ProtobufCReader.texts(c.key_names, c.n_key_names, 10)
        brief = unsafe c.brief != 0
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__ScanRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(project, &c.project, &c.has_project)
        unsafe arena.put(group, &c.group, &c.has_group)
        unsafe arena.put(columns, &c.columns, &c.n_columns)
        unsafe arena.put(start, &c.start, &c.has_start)
        unsafe arena.put(end, &c.end, &c.has_end)
        unsafe arena.put(asOf, &c.as_of, &c.has_as_of)
        unsafe arena.put(deletes, &c.deletes, &c.has_deletes)
        unsafe arena.put(minPosition, &c.min_position, &c.has_min_position)
        unsafe arena.put(logID, &c.log_id, &c.has_log_id)
        unsafe arena.put(keyNames, &c.key_names, &c.n_key_names)
        unsafe arena.put(brief, &c.brief, &c.has_brief)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// Asks for the latest row of every key of a group.
package struct LatestRequest: Head {
    package var project = ""
    package var group = ""
    /// Empty for all.
    package var columns: [String] = []
    /// The position as of which rows are read. Absent: the latest.
    package var asOf: UInt64?
    /// Whether tombstones are told too.
    package var deletes = false
    package var minPosition: UInt64 = 0
    /// Bytes: 16, of the log that `minPosition` is of; empty where it is not checked.
    package var logID: [UInt8] = []
    /// The event time up to which rows count. Absent: all count.
    package var at: Int64?
    /// Only rows of the keys in the body are told, a batch whose column i is `keyNames[i]`; empty for rows of all keys.
    package var keyNames: [String] = []
    /// Whether beside features only keys and event time are told.
    package var brief = false

    package init() {}
}

extension LatestRequest {
    private static func blank() -> Headwater__V1__LatestRequest {
        var c = unsafe Headwater__V1__LatestRequest()
        unsafe headwater__v1__latest_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__LatestRequest) throws(HeadwaterError) {
        project = try unsafe c.project.text(1)
        group = try unsafe c.group.text(2)
        columns = try unsafe ProtobufCReader.texts(c.columns, c.n_columns, 3)
        asOf = unsafe c.has_as_of == 0 ? nil : c.as_of
        deletes = unsafe c.deletes != 0
        minPosition = unsafe c.min_position
        logID = unsafe c.log_id.bytes
        at = unsafe c.has_at == 0 ? nil : c.at
        keyNames = try unsafe ProtobufCReader.texts(c.key_names, c.n_key_names, 9)
        brief = unsafe c.brief != 0
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__LatestRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(project, &c.project, &c.has_project)
        unsafe arena.put(group, &c.group, &c.has_group)
        unsafe arena.put(columns, &c.columns, &c.n_columns)
        unsafe arena.put(asOf, &c.as_of, &c.has_as_of)
        unsafe arena.put(deletes, &c.deletes, &c.has_deletes)
        unsafe arena.put(minPosition, &c.min_position, &c.has_min_position)
        unsafe arena.put(logID, &c.log_id, &c.has_log_id)
        unsafe arena.put(at, &c.at, &c.has_at)
        unsafe arena.put(keyNames, &c.key_names, &c.n_key_names)
        unsafe arena.put(brief, &c.brief, &c.has_brief)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}
