import Catalog
import Engine
import FeatureModel
import OfflineStore
import OnlineStore
import Wire

/// One audit: digests of both sides, narrowed down to rows where they differ.
struct AuditRun {
    static let differencesListedMax = 100
    /// A compaction may let go of a cut's position while the offline store comes to it: the audit then takes a newer one.
    static let attemptsMax = 3

    let services: Services
    let offline: OfflineNode
    /// Empty: all projects.
    let project: String
    let caller: AuditCaller

    /// Compares both stores at the position of an online cut at or behind `minPosition`.
    ///
    /// - Throws: `.unavailable` where the online service does not answer,
    ///   `.dataLoss` for damage on either side, and why the caller gave up.
    func run(minPosition: Position) async throws -> AuditReport {
        do {
            let report = try await runWhole(minPosition: minPosition)
            services.audits.finished(
                position: report.position, milliseconds: report.milliseconds, differences: report.differenceCount,
                at: services.clock.now())
            return report
        } catch {
            services.audits.failed()
            throw error
        }
    }

    private func runWhole(minPosition: Position) async throws -> AuditReport {
        var attempt = 1
        while true {
            do { return try await runOnce(minPosition: minPosition) } catch let error as HeadwaterError
                where error.code == .outOfRange && attempt < Self.attemptsMax
            {
                attempt += 1
            }
        }
    }

    private func runOnce(minPosition: Position) async throws -> AuditReport {
        let started = ContinuousClock.now
        let online = try await connect()
        do {
            try await caller.wait(for: minPosition, PositionedStore(offline, services))
            let scope = AuditScope(seed: UInt64.random(in: .min ... .max), splitBits: AuditNarrowing.firstSplitBits)
            caller.begin(.online, expectedRows: services.online?.store.statisticsAtMost.values.reduce(0) { $0 + $1.rows } ?? 0)
            let (position, digests) = try await online.firstDigests(after: minPosition, scope, caller)
            try await caller.wait(for: position, PositionedStore(offline, services))
            var report = try await compare(online, digests, at: position, scope)
            report.milliseconds = Int((ContinuousClock.now - started) / .milliseconds(1))
            await online.finish()
            return report
        } catch {
            await online.finish()
            throw error
        }
    }

    private func connect() async throws -> any AuditedOnline {
        if let node = services.online {
            return LocalOnline(services: services, node: node, owner: .audit(UInt64.random(in: .min ... .max)))
        }
        return RemoteOnline(connection: try await PeerFiles(services).connectToOnline())
    }

    private func compare(
        _ online: any AuditedOnline, _ onlineDigests: [GroupDigest], at position: Position, _ scope: AuditScope
    ) async throws -> AuditReport {
        let view = offline.store.view()
        let catalog = offline.state.catalog.asOf(position)
        let caller = caller
        caller.begin(.offline, expectedRows: onlineDigests.reduce(0) { $0 + Int($1.rows) })
        let offlineDigests = try await caller.work { () throws(HeadwaterError) in
            try Audit.digests(view, asOf: position, catalog: catalog, scope: scope) { (rows) throws(HeadwaterError) in
                try caller.walked(rows)
            }
        }
        var report = AuditReport(position: position)
        for group in catalog.allGroups where project.isEmpty || group.project == project {
            let side = OfflineSide(view: view, position: position, catalog: catalog)
            let found = try await narrow(
                group.id, scope, onlineDigests.first { $0.groupID == group.id },
                offlineDigests.first { $0.groupID == group.id }, online, side)
            report.groups.append(
                AuditReport.Group(
                    project: group.project, group: group.reference, onlineRows: found.onlineRows, offlineRows: found.offlineRows,
                    differences: found.differences.count + found.leftOut))
            report.differenceCount += found.differences.count + found.leftOut
            if found.leftOut > 0 { report.isComplete = false }
            for difference in found.differences where report.differences.count < Self.differencesListedMax {
                report.differences.append(AuditReport.Difference(difference, group: group))
            }
        }
        return report
    }

    private struct OfflineSide {
        let view: OfflineView
        let position: Position
        let catalog: Catalog
    }

    private struct Found {
        var onlineRows: UInt64
        var offlineRows: UInt64
        var differences: [AuditDifference] = []
        /// Parts that differ and were not looked into: each holds one difference or more.
        var leftOut = 0
    }

    /// Cuts what differs finer until few enough rows are left, and compares those.
    private func narrow(
        _ group: GroupID, _ first: AuditScope, _ onlineDigest: GroupDigest?, _ offlineDigest: GroupDigest?,
        _ online: any AuditedOnline, _ offline: OfflineSide
    ) async throws -> Found {
        var found = Found(onlineRows: onlineDigest?.rows ?? 0, offlineRows: offlineDigest?.rows ?? 0)
        var scope = first
        var (left, right) = (onlineDigest, offlineDigest)
        let caller = caller
        let walk: @Sendable (Int) throws(HeadwaterError) -> Void = { (rows) throws(HeadwaterError) in try caller.walked(rows) }
        while true {
            let (step, leftOut) = AuditNarrowing.next(scope, left, right)
            found.leftOut += leftOut
            if case .agree = step { return found }
            caller.begin(.narrowing, expectedRows: 0)
            switch step {
            case .agree: return found
            case .narrow(let finer):
                left = try await online.digest(group, at: offline.position, finer, caller)
                right = try await caller.work { () throws(HeadwaterError) in
                    try Audit.digests(
                        offline.view, asOf: offline.position, catalog: offline.catalog, scope: finer, group: group, progress: walk
                    ).first
                }
                scope = finer
            case .compare(let parts):
                let onlineRows = try await online.rows(group, at: offline.position, parts, caller)
                let offlineRows = try await caller.work { () throws(HeadwaterError) in
                    try Audit.rows(
                        offline.view, asOf: offline.position, catalog: offline.catalog, scope: parts, group: group,
                        progress: walk)
                }
                found.differences = Audit.differences(online: onlineRows, offline: offlineRows)
                return found
            }
        }
    }
}

extension AuditReport.Difference {
    init(_ difference: AuditDifference, group: CatalogGroup) {
        func text(_ order: RowOrder?) -> String? {
            order.map {
                let time = $0.eventTime == EventTime.always ? "always" : TimeText.format($0.eventTime)
                return "event_time \(time), position \($0.position), row \($0.row)"
            }
        }
        let keys = group.newestSchema.keys
        let values = (try? KeyCodec.values(difference.key, types: keys.map(\.type))) ?? []
        let key = zip(keys, values).map { "\($0.name)=\($1.keyText)" }.joined(separator: ",")
        self.init(
            group: group.reference, key: key, kind: difference.kind.rawValue, online: text(difference.online),
            offline: text(difference.offline))
    }
}

extension Value {
    fileprivate var keyText: String {
        switch self {
        case .int32(let value): "\(value)"
        case .int64(let value): "\(value)"
        case .timestamp(let value): TimeText.format(value)
        case .string(let value), .bytes(let value): value.description
        default: "\(self)"
        }
    }
}
