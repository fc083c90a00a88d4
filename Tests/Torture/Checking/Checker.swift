import Client
import FeatureModel
import Foundation
import ProcessSupport
import Wire

/// Compares both stores, read whole through the product's own read paths, with all clients' journals.
final class Checker {
    /// What a power cut may take where durability is an interval.
    struct Loss {
        /// Nanoseconds of the monotonic clock: just before the disk stopped, and when all servers over it were gone.
        var cuts: [(began: UInt64, ended: UInt64)] = []
        let limitMilliseconds: Double
    }

    let site: Site
    var journals = Journals()
    var figures: Figures
    var loss: Loss?
    /// Codes that say for certain that nothing was written: all, where no connection was ever lost.
    var codesOfAbsence: Set<StatusCode> = []
    /// Why a write may fail: a server is down, or its log has failed for good. `full` adds its own reason.
    var excusedCodes: Set<StatusCode> = [.unavailable, .deadlineExceeded, .cancelled]
    private var seenViolations = 0

    init(_ site: Site, name: String) {
        self.site = site
        figures = Figures(name, seed: site.seed)
    }

    /// What ends a run is a finding, unless somebody wanted the end: Ctrl-C reaches the servers too.
    func ended(with error: any Error) {
        if !Interruption.isRequested { figures.found(.p7, "\(error)") }
    }

    // MARK: When all is quiet

    /// Pauses the clients, checks everything, lets them go on.
    func check() async throws {
        let token = try site.hold()
        defer { site.release() }
        let deadline = ContinuousClock.now + .seconds(150)
        while true {
            try journals.read(site.journals)
            if site.journals.allSatisfy({ journals.pauses[$0]?.token == token }) { break }
            try site.checkClients()
            guard ContinuousClock.now < deadline else { throw TortureError("the clients do not come to rest") }
            try await Task.sleep(for: .milliseconds(5))
        }
        try await checkQuiet()
    }

    func checkQuiet() async throws {
        try journals.read(site.journals)
        let online = site.servers[.serve] == nil ? Role.online : .serve
        let status = try await site.withClient(online) { try await $0.status().value }
        guard let last = status.online?.lastPosition else { throw TortureError("status without a position") }
        let offline = site.servers[.serve] == nil ? Role.offline : .serve
        try await expectHistory(at: last, offline)
        let stores = try await site.withClient(offline) { client in
            (
                marks: try await StoreRows(client, group: "marks", minPosition: last),
                alpha: try await StoreRows(client, group: "alpha", minPosition: last),
                beta: try await StoreRows(client, group: "beta", minPosition: last)
            )
        }
        figures.checks += 1
        var fold = Fold(site, journals)
        fold.place(stores.marks.rows, &figures)
        judgeAnswers(fold)
        fold.check(stores.alpha.rows, isAlpha: true, &figures)
        fold.check(stores.beta.rows, isAlpha: false, &figures)
        checkOrder(fold)
        figures.rows = stores.alpha.rows.count + stores.beta.rows.count + stores.marks.rows.count
        try await site.withClient(online) { try await self.checkOnline($0, fold, at: last) }
        if loss != nil { for role in Set([online, offline]) { try await checkLostPositions(role, fold) } }
        try await checkAudit(offline, at: last)
        try checkLog()
        // Not each time, so that recoveries meet long tails of the log too.
        if figures.checks % 3 == 0 { try await expectUpkeep(online, offline) }
        countJournals(fold)
    }

    /// Every acknowledged write is there where it was acknowledged.
    private func judgeAnswers(_ fold: Fold) {
        figures.lostByInterval = 0
        figures.refusals = [:]
        for (id, entry) in journals.entries {
            let found = fold.positions[id]
            if let position = entry.position {
                if found == nil {
                    judgeLoss(id, entry)
                } else if found != position {
                    figures.found(.duplicated, "\(id.value) was acknowledged at \(position) and stands at \(found!)")
                }
            } else if let error = entry.error {
                judgeRefusal(id, error.code, error.message)
                if codesOfAbsence.contains(error.code), found != nil {
                    figures.found(.p4, "\(id.value) was refused and is there: \(error.message)")
                }
            }
        }
        for (position, code) in journals.lost {
            if loss == nil {
                figures.found(.p6, "a read was told \(code.name) for the acknowledged position \(position)")
            } else if fold.requests[position] != nil {
                figures.found(.p6, "a read was told \(code.name) for position \(position), which is not lost")
            }
        }
    }

    /// A write fails for want of a server, or of room where there is none; nothing else is an excuse.
    private func judgeRefusal(_ id: RequestID, _ code: StatusCode, _ message: String) {
        figures.refusals[code.name, default: 0] += 1
        if excusedCodes.contains(code) { return }
        if code == .failedPrecondition || code == .alreadyExists {
            // Without a power cut nothing may end a session in use, nor call a retry another write.
            if loss == nil { figures.found(.p3, "\(id.value): \(message)") }
        } else {
            figures.found(.p7, "\(id.value) is refused as \(code.name): \(message)")
        }
    }

    private func judgeLoss(_ id: RequestID, _ entry: JournalEntry) {
        guard let loss, let answered = entry.answered, let cut = loss.cuts.first(where: { $0.ended >= answered }) else {
            return figures.found(.lost, "\(id.value), acknowledged at \(entry.position ?? 0), is in no store")
        }
        // What a server over a disk that has stopped acknowledges is of no age.
        let age = cut.began > answered ? Double(cut.began - answered) / 1_000_000 : 0
        figures.lostByInterval += 1
        figures.lostAgeMilliseconds = max(figures.lostAgeMilliseconds, age)
        if age > loss.limitMilliseconds {
            figures.found(.lost, "\(id.value) was acknowledged \(age) ms before the power cut that took it")
        }
    }

    /// P2: whatever was acknowledged before another was sent stands before it.
    private func checkOrder(_ fold: Fold) {
        struct Moment {
            let time: UInt64
            let isSent: Bool
            let id: RequestID
            let position: Position
        }
        var moments: [Moment] = []
        for (id, entry) in journals.entries {
            if let position = fold.positions[id] {
                moments.append(Moment(time: entry.sent, isSent: true, id: id, position: position))
            }
            if let position = entry.position, let answered = entry.answered {
                moments.append(Moment(time: answered, isSent: false, id: id, position: position))
            }
        }
        moments.sort { ($0.time, $0.isSent ? 0 : 1) < ($1.time, $1.isSent ? 0 : 1) }
        var greatest: Position = 0
        for moment in moments {
            if moment.isSent {
                if moment.position <= greatest {
                    figures.found(
                        .reordered, "\(moment.id.value) stands at \(moment.position), \(greatest) was acknowledged before")
                }
            } else {
                greatest = max(greatest, moment.position)
            }
        }
    }

    /// P4 of the online store: every key shows the greatest row of the fold, in both groups, with all its features.
    private func checkOnline(_ client: HeadwaterClient, _ fold: Fold, at position: Position) async throws {
        let prepared = try await client.prepare(Groups.whole, fullFeatureNames: true)
        let keys = fold.latest.keys.sorted()
        for start in stride(from: 0, to: keys.count, by: 1_000) {
            let part = keys[start..<min(start + 1_000, keys.count)]
            let batch = Batch(rowCount: part.count, columns: [(0, try Column(.int64, part.map { .int64($0) }))])
            let got = try await client.get(prepared, keys: batch, minPosition: position)
            for (row, key) in part.enumerated() {
                checkRow(got.cells, row, key, fold.latest[key]!)
            }
        }
    }

    private func checkRow(_ cells: Cells, _ row: Int, _ key: Int64, _ latest: Fold.Latest) {
        let seen = cells.statuses.indices.map { (status: cells.statuses[$0][row], value: cells.columns[$0].value(row)) }
        let values = Groups.values(of: Request(seed: site.seed, id: latest.id), key)
        let isRight =
            seen.count == values.count
            && zip(seen, values).allSatisfy {
                latest.isDelete ? $0.status == .notFound : $0.status == .present && $0.value == $1
            }
        if isRight { return }
        figures.found(.p4, "online, key \(key): \(seen) instead of \(latest.id.value) (delete: \(latest.isDelete))")
    }

    /// A read that asks for a position that was lost is told so, and never answered.
    private func checkLostPositions(_ role: Role, _ fold: Fold) async throws {
        let lost = journals.entries.compactMap { fold.positions[$0.key] == nil ? $0.value.position : nil }.sorted().suffix(3)
        for position in lost {
            do {
                let shown = try await site.withClient(role) { client in
                    if role == .online {
                        let prepared = try await client.prepare(Groups.selection, fullFeatureNames: true)
                        let keys = Batch(rowCount: 1, columns: [(0, try Column(.int64, [.int64(1)]))])
                        return try await client.get(prepared, keys: keys, minPosition: position).position
                    }
                    return try await StoreRows(client, group: "marks", minPosition: position).position
                }
                figures.found(.p6, "\(role.rawValue) answered a read of the lost position \(position) with \(shown)")
            } catch let error as HeadwaterError {
                if error.code != .dataLoss, error.code != .outOfRange {
                    figures.found(.p6, "\(role.rawValue), asked for the lost position \(position): \(error)")
                }
            }
            figures.facts["lost positions asked for", default: 0] += 1
        }
    }

    private func checkAudit(_ offline: Role, at position: Position) async throws {
        let report = try await site.withClient(offline) { try await $0.audit(minPosition: position).value }
        guard !report.agrees else { return }
        for one in report.differences.prefix(3) { figures.found(.p5, "audit: \(one)") }
    }

    private func checkLog() throws {
        let verified = try site.run(["log", "verify", "--data", site.data])
        if verified.ending != .exit(0) { figures.found(.p7, "log verify: \(verified.output) \(verified.errors)") }
    }

    private func countJournals(_ fold: Fold) {
        let entries = journals.entries
        figures.acknowledged = entries.values.count { $0.position != nil }
        figures.acknowledgedByRetry = entries.values.count { $0.isDuplicate }
        figures.unknown = entries.values.count { $0.position == nil }
        figures.unknownFound = entries.count { $0.value.position == nil && fold.positions[$0.key] != nil }
        figures.reads = journals.pauses.values.reduce(0) { $0 + $1.gets + $1.histories }
        figures.toldLost = journals.lost.count
        for (promise, message) in journals.violations.dropFirst(seenViolations) {
            figures.found(Violation(rawValue: promise) ?? .p6, message)
        }
        seenViolations = journals.violations.count
    }

    // MARK: While writes go on

    /// P4 of the offline store as it stands: all that was acknowledged up to the position it shows is there.
    func checkPrefix() async throws {
        try journals.read(site.journals)
        let role = site.servers[.serve] == nil ? Role.offline : .serve
        let (position, found) = try await site.withClient(role) { client in
            let applied = try await client.status().value.offline?.appliedPosition ?? 0
            do {
                let marks = try await StoreRows(client, group: "marks", minPosition: 0)
                return (marks.position, Set(marks.rows.map(\.key)))
            } catch let error as HeadwaterError where error.code == .notFound {
                // A history that starts far behind may not be at the definitions yet.
                return (applied, [])
            }
        }
        for (id, entry) in journals.entries {
            if let acknowledged = entry.position, acknowledged <= position, loss == nil, !found.contains(id.value) {
                figures.found(.p4, "history at \(position) lacks \(id.value), acknowledged at \(acknowledged)")
            }
        }
    }
}
