public import Catalog
public import FeatureModel

/// Names a request to the edge that sent it; the engine only hands it back.
public typealias Token = UInt64

/// A write that was checked against a catalog, and the bytes it came in.
public struct CheckedWrite: Sendable {
    let content: DecodedRecord
    /// The encoded `RecordBody`, stored as it is.
    public let body: ArraySlice<UInt8>
    public let stamp: ProducerStamp
    /// Position of the catalog that it was checked against: if definitions came since, it is checked again.
    public let catalogPosition: Position
    /// The project of its one row's group, where the check came by it.
    private let rowProject: String?

    /// Checks a write as the edge does, on any thread.
    ///
    /// - Parameter plans: of the streams that the edge reads.
    /// - Throws: `.invalidArgument` listing rows and reasons, and as `Catalog.checkWrite`; nothing is written then.
    public init(
        body: ArraySlice<UInt8>, stamp: ProducerStamp, catalog: Catalog, now: Microseconds,
        plans: SingleRowPlans = SingleRowPlans()
    ) throws(HeadwaterError) {
        guard body.count <= Limits.batchBytesMax else {
            throw HeadwaterError(
                .invalidArgument, "a write of \(body.count) bytes; the limit is \(Limits.batchBytesMax): send fewer rows")
        }
        if let (row, project) = plans.checkedRow(of: body, in: catalog, now: now) {
            content = .row(row)
            rowProject = project
        } else {
            content = .rows(try catalog.checkWrite(RecordBody.decode(body), now: now))
            rowProject = nil
        }
        self.body = body
        self.stamp = stamp
        catalogPosition = catalog.position
    }

    /// Checks that all groups are of a project.
    ///
    /// - Throws: `.invalidArgument` naming one that is not.
    public func checkGroups(areOf project: String, _ catalog: Catalog) throws(HeadwaterError) {
        if rowProject == project { return }
        let groups = groupIDs.lazy.compactMap { catalog.group(id: $0) }
        if let other = groups.first(where: { $0.project != project }) {
            throw HeadwaterError(
                .invalidArgument, "group \(other.reference) is of project '\(other.project)', not '\(project)'")
        }
    }

    /// Rows of each entry.
    public var rowCounts: [UInt32] {
        if case .row = content { return [1] }
        return content.entries.map { UInt32($0.batch.rowCount) }
    }

    /// The group of each entry.
    package var groupIDs: [GroupID] {
        if case .row(let row) = content { return [row.schema.groupID] }
        return content.entries.map(\.schema.groupID)
    }
}

/// A command that changes the state. Nothing else enters the log.
public enum OnlineCommand: Sendable {
    case write(CheckedWrite)
    /// A stamped write that no longer passes its checks: answered as it was the first time, or with `otherwise`.
    case retry(stamp: ProducerStamp, bodyChecksum: UInt32, bodyBytes: Int, otherwise: HeadwaterError)
    case define(Definitions)
    /// - Parameter history: rows of groups in the offline store, where they are known.
    case promote(Promotion, history: [GroupID: Int])
    case remove(Removal, history: [GroupID: Int])
    case openProducer
    case cutoff(RetentionCutoff)

    /// Whether the catalog may be another one behind it.
    var changesDefinitions: Bool {
        switch self {
        case .define, .promote, .remove: true
        case .write, .retry, .openProducer, .cutoff: false
        }
    }
}

/// A command of the group under way, which has its position in the log.
struct StagedCommand {
    let token: Token
    let command: OnlineCommand
    let position: Position
    /// The content of its record.
    let body: DecodedRecord
    /// The plan behind definitions.
    let plan: Plan?
}

/// The outcome of a command.
public enum OnlineOutcome: Sendable {
    case written(WriteAnswer, isDuplicate: Bool)
    /// Definitions in force, and the position of their record: the catalog's own where nothing changed.
    case defined(Plan, position: Position)
    case openedProducer(Position, epoch: UInt32)
    case cutOff(Position)
    case failed(HeadwaterError)
}

/// A command that is done.
public struct OnlineCompletion: Sendable {
    public let token: Token
    public let outcome: OnlineOutcome
}
