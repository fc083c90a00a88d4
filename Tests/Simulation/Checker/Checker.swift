import Engine
import FeatureModel
import Log
import OnlineStore

/// Compares what the services say with what the clients' journal and the model say.
final class Checker {
    unowned let world: World
    private(set) var model = Model()
    /// Positions that recoveries skipped.
    private(set) var gaps: [ClosedRange<Position>] = []
    /// Acknowledged writes that an allowed loss took.
    private(set) var lostAcknowledged: [(write: Write, position: Position)] = []

    /// Records that one damaged sector may touch: the least is over 100 bytes.
    private static let sectorRecordsMax = 6

    /// What clients were told of definitions.
    var definitions: [Defined] = []
    /// What clients were told of the passing group.
    var turns: [Turned] = []

    /// Whether an acknowledged write is known to be lost, as `interval` durability and rot may lose it.
    func isLost(_ write: Write) -> Bool { lostAcknowledged.contains { $0.write === write } }

    init(_ world: World) { self.world = world }

    func isInGap(_ position: Position) -> Bool {
        learn()
        return gaps.contains { $0.contains(position) }
    }

    /// The follower may have read what its owner did not live to tell.
    func learn() { if !world.online.isUp || world.online.failedAt != nil { takeDurable(world.onlineMachine) } }

    /// Positions before it may be beyond what `as_of` can read.
    var oldestCutoff: Position? { model.cutoffs.last?.position }

    // MARK: What the log took

    /// Takes the records of a group that was committed, or that a recovery found.
    func committed(_ records: [Record]) {
        for record in records { take(record) }
    }

    private func take(_ record: Record) {
        var first = record.position
        if record.kind == .gap {
            first = record.body.littleEndian(at: 0)
            gaps.append(first...record.position)
            for known in model.records where known.lostIn == nil && known.position >= first { lose(known) }
        }
        let standing = model.lastStanding
        if first != (standing?.position ?? 0) + 1 {
            world.violate("P2", "position \(first) follows \(standing?.position ?? 0)")
        }
        if record.position <= model.lastPosition {
            world.violate("P2", "position \(record.position) was used before")
        }
        if let standing, record.ingestTime < standing.ingestTime {
            world.violate("P2", "the ingest time of \(record.position) falls behind that of \(standing.position)")
        }
        checkTime(record)
        let write = record.kind == .data ? write(of: record) : nil
        let cutoff = record.kind == .cutoff ? try? RetentionCutoff(decoding: record.body) : nil
        let known = ModelRecord(record, write: write, cutoff: cutoff)
        if let write {
            if let other = write.record {
                world.violate("P3", "write \(write.number) is at \(other.position) and again at \(record.position)")
            }
            if write.isRefused { world.violate("P3", "write \(write.number) was refused, and is at \(record.position)") }
            write.record = known
        }
        model.append(known)
        world.note("record", [record.position, UInt64(record.kind.rawValue), UInt64(bitPattern: record.ingestTime)])
    }

    /// A record is stamped neither before it came, nor by a wall clock that jumped ahead.
    private func checkTime(_ record: Record) {
        if record.kind == .gap { return }
        let late = record.ingestTime - Workload.epoch - world.now
        let most = world.onlineMachine.trustedAheadMax + Self.clockSlack
        if late < -Self.clockSlack - world.onlineMachine.trustedBehindMax {
            world.violate("P2", "the record at \(record.position) is stamped \(-late) µs before it came")
        }
        if late > most { world.violate("P2", "the record at \(record.position) is stamped \(late) µs late") }
    }

    /// Offsets, drift and time off that no clock of a machine tells.
    private static let clockSlack: Microseconds = 30_000_000

    private func write(of record: Record) -> Write? {
        guard let entries = try? RecordBody.decode(record.body), let write = world.journal.write(of: entries) else {
            world.violate("P3", "the record at \(record.position) holds what nobody sent")
            return nil
        }
        if write.body[...] != record.body || write.stamp != record.stamp {
            world.violate("P3", "the record at \(record.position) is not what write \(write.number) sent")
        }
        return write
    }

    // MARK: What a recovery left

    /// Looks at the log when the online service has come up, before it takes anything.
    func recovered(_ engine: OnlineEngine, on machine: Machine) {
        let known = lostAcknowledged.count
        noteLosses(engine)
        if let error = takeDurable(machine) {
            world.violate("P1", "the log cannot be read where the checker left it: \(error)")
        }
        let state = engine.state.current
        // A broker may have the append of which an engine heard that it failed.
        if world.broker == nil || state.failure == nil, state.durablePosition != model.lastStanding?.position ?? 0 {
            world.violate("P2", "the log ends at \(state.durablePosition), the records at \(model.lastStanding?.position ?? 0)")
        }
        checkDamagedTail(lostAcknowledged[known...].map(\.write))
        checkLostPositions(engine)
    }

    /// What rot takes while the log still opens looks like a torn tail: records of the damaged sectors, and writes behind them
    /// that were sent before the first of those was acknowledged. Any other record says that those before it were durable.
    private func checkDamagedTail(_ lost: [Write]) {
        guard !world.scenario.isInterval else { return }
        var count = 0
        var last = 0
        for write in lost.sorted(by: { $0.acknowledged! < $1.acknowledged! }) where write.sent! > last {
            count += 1
            last = write.acknowledged!
        }
        if count > Self.sectorRecordsMax * world.logDamageCount + 1 {
            world.violate("P1", "\(lost.count) acknowledged writes, \(count) one after another, are lost without a report")
        }
    }

    /// Takes what the log has published as durable and the checker has not seen: a process may die between the two.
    ///
    /// - Returns: why the log cannot be read there.
    @discardableResult
    func takeDurable(_ machine: Machine) -> HeadwaterError? {
        do throws(HeadwaterError) {
            let reader = try world.log(machine.disk).openReader()
            while true {
                let records = try reader.read(after: model.lastStanding?.position ?? 0, limitBytes: 1 << 20)
                if records.isEmpty { return nil }
                committed(records)
            }
        } catch {
            return error
        }
    }

    private func noteLosses(_ engine: OnlineEngine) {
        let state = engine.state.current
        for record in model.records where record.lostIn == nil {
            let isGone =
                record.position > state.durablePosition
                || record.kind != .gap && state.gaps.contains { $0.contains(record.position) }
            guard isGone else { continue }
            if record.position > state.durablePosition {
                world.violate("P2", "position \(record.position) was handed out, and is neither in the log nor in a gap")
            }
            lose(record)
        }
    }

    /// A recovery did not find a record that was written.
    private func lose(_ record: ModelRecord) {
        record.lostIn = world.online.isUp ? world.online.life : world.online.life + 1
        world.figures.recordsLost += 1
        judge(record, world.onlineEnd)
        guard let write = record.write else { return }
        write.record = nil
        guard write.answer != nil else { return }
        lostAcknowledged.append((write, record.position))
        write.outcome = .unknown
    }

    /// A loss is allowed where a file of the log rotted, or in `interval`
    /// durability for what was younger than the interval at a power cut.
    private func judge(_ record: ModelRecord, _ end: LifeEnd?) {
        if world.logDamageCount > 0 { return }
        guard world.scenario.isInterval, let end, end.wasPowerCut else {
            return world.violate("P1", "position \(record.position) was durable, and is lost")
        }
        guard let write = record.write, write.answer != nil else { return }
        let oldest = end.lastWritten - world.scenario.interval - World.intervalSlack
        if write.acknowledgedAt < oldest {
            world.violate(
                "P1",
                "write \(write.number), acknowledged \(end.lastWritten - write.acknowledgedAt) µs before the end, is lost; the interval is "
                    + "\(world.scenario.interval) µs")
        }
    }

    /// Whoever asks for a position that was lost hears so.
    private func checkLostPositions(_ engine: OnlineEngine) {
        let state = engine.state.current
        let known = KnownPositions(applied: engine.store.appliedPosition, gaps: state.gaps, last: state.lastPosition)
        for lost in lostAcknowledged {
            world.figures.checks += 1
            do throws(HeadwaterError) {
                try known.check(lost.position)
                world.violate("P6", "position \(lost.position) was acknowledged and lost, and a read that wants it is served")
            } catch {
                if error.code != .dataLoss { world.violate("P6", "lost position \(lost.position) is answered \(error)") }
            }
        }
    }

    // MARK: What clients were told

    func acknowledged(_ write: Write, _ answer: WriteAnswer) {
        world.note("acknowledged", [UInt64(write.number), answer.position, UInt64(bitPattern: answer.ingestTime)])
        if isLost(write, at: answer.position) {
            // The answer was under way when its record was lost.
            lostAcknowledged.append((write, answer.position))
            return
        }
        if let first = write.answer {
            if first != answer { world.violate("P3", "write \(write.number) was answered \(first), and on a retry \(answer)") }
            return
        }
        if write.isRefused { world.violate("P3", "write \(write.number) was refused, and on a retry taken") }
        write.outcome = .acknowledged(answer)
        write.acknowledged = world.journal.step()
        write.acknowledgedAt = world.now
        guard let record = write.record else {
            return world.violate("P1", "write \(write.number) was acknowledged, but is not in the log")
        }
        if record.position != answer.position || record.ingestTime != answer.ingestTime {
            world.violate("P3", "write \(write.number) is at \(record.position), but was told \(answer)")
        }
        checkEffects(write, answer, record)
    }

    private func isLost(_ write: Write, at position: Position) -> Bool {
        world.mayForget && model.records.contains { $0.lostIn != nil && $0.position == position && $0.write === write }
    }

    /// A write tells what of it is not served, and a delete for which of its keys a
    /// newer row wins, damage or not: where it cannot be told there is no answer.
    private func checkEffects(_ write: Write, _ answer: WriteAnswer, _ record: ModelRecord) {
        let life = (record.lostIn ?? .max) - 1
        var effects = WriteEffects()
        var number: UInt32 = 0
        for entry in write.entries {
            for row in entry.rows {
                defer { number += 1 }
                let types = entry.schema.keys.map(\.type)
                let keys = zip(types, row).map { type, value in (try? Column(type, [value])) ?? .nulls(type, count: 1) }
                guard let key = KeyCodec.key(keys, row: 0) else { continue }
                let group = entry.schema.groupID
                let latest = model.latest(group, key, at: record.position, life: life)
                let own = model.rows[group]?[key]?.first { $0.record === record && $0.order.row == number }
                let isBelow = own.map { $0.order.eventTime < model.cutoff(group, at: record.position, life: life) } ?? false
                if isBelow { effects.belowCutoff += 1 }
                let isServed = latest.map { !$0.isDelete } ?? false
                switch entry.operation {
                case .delete: if isServed { effects.newerRows.append(number) }
                case .write: if !isServed, !isBelow { effects.behindTombstone += 1 }
                }
            }
        }
        let right = WriteAnswer(position: answer.position, ingestTime: answer.ingestTime, effects)
        if right != answer { world.violate("P4", "write \(write.number) was answered \(answer); right is \(right)") }
    }

    /// A write that was never taken: it must be nowhere.
    func refused(_ write: Write, _ code: StatusCode) {
        if let record = write.record {
            return world.violate("P3", "write \(write.number) was refused (\(code.name)), and is at \(record.position)")
        }
        if case .unknown = write.outcome { write.outcome = .refused(code) }
    }
}
