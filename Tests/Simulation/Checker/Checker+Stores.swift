import Catalog
import Engine
import FeatureModel
import OfflineStore
import OnlineStore
import TestSupport

extension Checker {
    /// P4 and P5: both stores, row by row, against the fold up to where each has come.
    func checkStores() {
        world.withoutFaults {
            do throws(HeadwaterError) {
                if let engine = world.online.engine { try checkOnline(engine) }
                if let engine = world.offline.engine { try checkOffline(engine) }
                if let online = world.online.engine, let offline = world.offline.engine { try audit(online, offline) }
            } catch {
                if !world.hasDamage || error.code != .dataLoss || error.location == nil {
                    world.violate("P7", "a store cannot be read: \(error)")
                } else {
                    world.figures.damageReported += 1
                }
            }
        }
    }

    // MARK: Online

    private func checkOnline(_ engine: OnlineEngine) throws(HeadwaterError) {
        world.figures.checks += 1
        let view = engine.store.view()
        let life = world.online.life
        let catalog = engine.state.catalog.asOf(view.position)
        checkDefinitions("online", catalog.allGroups, at: view.position, life: life)
        checkTurns("online", catalog, at: view.position, life: life)
        for group in catalog.removedGroups {
            try view.forEachBatch(of: group.id, schema: group.newestSchema) { batch in
                if batch.rowCount > 0 {
                    world.violate(
                        "P4",
                        "online at \(view.position): \(group.reference) was removed, and \(batch.rowCount) rows of it are there")
                }
            }
        }
        for group in catalog.allGroups where !world.mayForget || group.name != Turn.group {
            var rows: [(batch: OnlineRowBatch, row: Int)] = []
            try view.forEachBatch(of: group.id, schema: group.newestSchema) { batch in
                for row in 0..<batch.rowCount { rows.append((batch, row)) }
            }
            world.figures.rowsChecked += rows.count
            let found = Dictionary(rows.map { (Array($0.batch.keyBytes[$0.row]), $0) }, uniquingKeysWith: { first, _ in first })
            if found.count != rows.count { world.violate("P4", "online: group \(group.id) has a key twice") }
            var expected = 0
            for key in model.keys(group.id) {
                guard let row = model.latest(group.id, key, at: view.position, life: life) else { continue }
                expected += 1
                guard let (batch, index) = found[key] else {
                    world.violate("P4", "online at \(view.position): \(describe(row)) is missing")
                    continue
                }
                compare(
                    "online at \(view.position)", row, order: batch.orders[index], ingestTime: nil,
                    isDelete: batch.tombstones[index], features: batch.features, at: index)
            }
            if expected != found.count {
                world.violate("P4", "online at \(view.position): group \(group.id) has \(found.count) keys, not \(expected)")
            }
        }
        let sessions = model.records.count { $0.kind == .producer && $0.isIn(view.position, life) }
        if sessions != engine.state.current.producerSessions {
            world.violate("P3", "\(engine.state.current.producerSessions) producer sessions, not \(sessions)")
        }
    }

    // MARK: Offline

    private func checkOffline(_ engine: OfflineEngine) throws(HeadwaterError) {
        world.figures.checks += 1
        let view = engine.store.view()
        learn()
        if view.position > model.lastStanding?.position ?? 0 {
            if !world.hasDamage { world.violate("P4", "offline holds position \(view.position), which is not durable") }
            return
        }
        try checkOffline(engine, view, asOf: view.position)
        let oldest = max(view.oldestAsOf, 1)
        if view.position > oldest {
            try checkOffline(engine, view, asOf: oldest + Position(world.random.int(0...Int(view.position - oldest))))
        }
    }

    private func checkOffline(_ engine: OfflineEngine, _ view: OfflineView, asOf: Position) throws(HeadwaterError) {
        let catalog = engine.state.catalog.asOf(asOf)
        checkDefinitions("offline", catalog.allGroups, at: asOf, life: .max)
        checkTurns("offline", catalog, at: asOf, life: .max)
        for group in catalog.allGroups where !world.mayForget || group.name != Turn.group {
            // What rows a later cutoff has removed is not known here; those of the present one are.
            let expected = model.keys(group.id).flatMap { model.history(group.id, $0, at: asOf, life: .max) }
            var scan = try view.scan(group.newestSchema, asOf: asOf, includeDeletes: true)
            var index = 0
            while let batch = try scan.next() {
                for row in 0..<batch.rowCount where world.violations.isEmpty {
                    defer { index += 1 }
                    guard index < expected.count else { continue }
                    let order = RowOrder(
                        eventTime: batch.eventTime.int64(row), position: Position(bitPattern: batch.position.int64(row)),
                        row: UInt32(truncatingIfNeeded: batch.row.int64(row)))
                    if KeyCodec.key(batch.keys, row: row) != expected[index].key {
                        world.violate("P4", "offline at \(asOf): another key than that of \(describe(expected[index]))")
                    }
                    compare(
                        "offline at \(asOf)", expected[index], order: order, ingestTime: batch.ingestTime.int64(row),
                        isDelete: batch.isDelete.bool(row), features: batch.features, at: row)
                }
            }
            world.figures.rowsChecked += index
            guard world.violations.isEmpty else { return }
            if index != expected.count {
                world.violate("P4", "offline at \(asOf): group \(group.id) has \(index) rows, not \(expected.count)")
            }
        }
    }

    private func compare(
        _ store: String, _ expected: ModelRow, order: RowOrder, ingestTime: Microseconds?, isDelete: Bool, features: [Column],
        at row: Int
    ) {
        if order != expected.order || isDelete != expected.isDelete
            || ingestTime ?? expected.record.ingestTime != expected.record.ingestTime
        {
            world.violate("P4", "\(store): \(order), delete \(isDelete), where \(describe(expected)) belongs")
            return
        }
        for (index, column) in features.enumerated() {
            let value = column.value(row)
            if value != expected.cell(index, as: column.type) {
                world.violate("P4", "\(store): feature \(index) of \(describe(expected)) is \(value)")
            }
        }
    }

    private func describe(_ row: ModelRow) -> String {
        "\(row.isDelete ? "tombstone" : "row") \(row.order) of write \(row.record.write?.number ?? -1)"
    }

    // MARK: Both

    /// P5, by the product's own audit, wherever the offline store has come as far as the online one.
    private func audit(_ online: OnlineEngine, _ offline: OfflineEngine) throws(HeadwaterError) {
        let cut = online.store.view()
        let view = offline.store.view()
        guard view.position >= cut.position, view.oldestAsOf <= cut.position else { return }
        world.figures.audits += 1
        let catalog = online.state.catalog.asOf(cut.position)
        let scope = AuditScope(seed: world.seed, splitBits: 2)
        let walk: (Int) throws(HeadwaterError) -> Void = { _ in }
        let left = try Audit.digests(cut, catalog: catalog, scope: scope, progress: walk)
        let right = try Audit.digests(view, asOf: cut.position, catalog: catalog, scope: scope, progress: walk)
        if left != right { world.violate("P5", "the stores disagree at \(cut.position)") }
    }
}
