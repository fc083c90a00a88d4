import Engine
import FeatureModel
import TestSupport
import Wire

extension Client {
    /// Which features a read asks for; all of a kind share their keys.
    private static let sensorFeatures = [
        "readings:value", "readings:note", "profiles:level", "profiles:tags", "profiles:place",
    ]
    private static let eventFeatures = ["events:amount", "events:flag", "events:raw"]

    // MARK: Online

    /// Reads a few keys over one or more groups.
    ///
    /// - Parameters:
    ///   - minPosition: the least position to be seen; drawn where it is not given.
    ///   - write: whose keys to ask for.
    ///   - then: told whether there was an answer.
    func get(minPosition: Position? = nil, keysOf write: Write? = nil, then: ((Bool) -> Void)? = nil) {
        let isPair = world.random.chance(0.25)
        var features = (isPair ? Self.eventFeatures : Self.sensorFeatures).filter { _ in world.random.chance(0.7) }
        if features.isEmpty { features = [isPair ? "events:amount" : "readings:value"] }
        let numbers = (0..<world.random.int(1...4)).map { _ in world.random.int(0...world.scenario.keyCount) }
        let (names, columns) = keyColumns(isPair: isPair, numbers)
        let least = minPosition ?? drawPosition()
        let at = wall + Microseconds(world.random.int(-4_000_000...4_000_000)) * 1_000
        let asked = GetAsked(
            features: features, keys: columns, at: at, minPosition: least, lastPosition: world.checker.model.lastPosition)
        open += 1
        get(asked, keyNames: names, tries: 5) { [weak self] result in
            guard let self else { return }
            open -= 1
            switch result {
            case .success(let frame):
                world.checker.served(asked, frame, life: online.life)
                then?(true)
            case .failure(let error):
                failedRead(error, "a get", least, asked.lastPosition, mayBeUndefined: world.mayForget)
                then?(false)
            }
        }
    }

    /// Prepares the features and reads by the handle, as clients do: where the
    /// connection is another one by then, or the definitions are, once more.
    private func get(
        _ asked: GetAsked, keyNames: [String], tries: Int, answer: @escaping (Result<ServedGet, HeadwaterError>) -> Void
    ) {
        let list = PrepareRequest.with {
            ($0.project, $0.features, $0.fullFeatureNames) = (Workload.project, asked.features, true)
        }
        online.call(.prepare, list, timeout: 800_000) { [weak self] result in
            guard let self else { return }
            let prepared: PrepareReply
            do { prepared = try PrepareReply(decoding: result.get().head) } catch {
                return answer(.failure(error as? HeadwaterError ?? HeadwaterError(.internal, "\(error)")))
            }
            let keys = prepared.keys.map { asked.keys[keyNames.firstIndex(of: $0.name)!] }
            let head = GetPreparedRequest.with { ($0.at, $0.minPosition) = (asked.at, asked.minPosition) }
            let body = PackedColumns.encode(tag: prepared.handle, rowCount: asked.keys[0].count, columns: keys)
            online.call(.getPrepared, head, body: body, timeout: 800_000) { [weak self] result in
                if case .failure(let error) = result, [.notFound, .failedPrecondition].contains(error.code), tries > 1 {
                    self?.get(asked, keyNames: keyNames, tries: tries - 1, answer: answer)
                    return
                }
                answer(result.map { ServedGet(frame: $0, outputs: prepared.outputs) })
            }
        }
    }

    private func keyColumns(isPair: Bool, _ numbers: [Int]) -> ([String], [Column]) {
        do {
            if isPair {
                let keys = numbers.map { Workload.key(Workload.events, $0) }
                return (["tag", "part"], [try Column(.string, keys.map { $0[0] }), try Column(.int32, keys.map { $0[1] })])
            }
            // A null key is found nowhere.
            let values = numbers.map { world.random.chance(0.05) ? Value.null : .int64(Int64($0)) }
            return (["id"], [try Column(.int64, values)])
        } catch { preconditionFailure("\(error)") }
    }

    /// A position that this client once heard of, one that nobody did, or none.
    private func drawPosition() -> Position {
        switch world.random.int(0...9) {
        case 0..<4: 0
        case 4..<9: done.isEmpty ? 0 : world.random.pick(Array(done.suffix(30))).answer?.position ?? 0
        default: world.checker.model.lastPosition + Position(world.random.int(1...3))
        }
    }

    /// - Parameter mayBeUndefined: whether the store may have been asked before it knew the definitions.
    private func failedRead(
        _ error: HeadwaterError, _ what: String, _ least: Position, _ lastThen: Position, mayBeUndefined: Bool
    ) {
        world.figures.readsFailed += 1
        switch error.code {
        case .dataLoss:
            if world.hasDamage || world.checker.isInGap(least) { return }
            world.violate("P6", "\(what) with min_position \(least) was told of a loss that there is not: \(error)")
        case .outOfRange:
            if least > lastThen { return }
            refused(error, what, [])
        default: refused(error, what, [.unavailable, .deadlineExceeded] + (mayBeUndefined ? [.notFound] : []))
        }
    }

    // MARK: Offline

    /// Joins a small spine, often as of an earlier position.
    ///
    /// - Parameters:
    ///   - minPosition: the least position to be seen, at the present;
    ///     drawn where it is not given, as the position to read as of is.
    ///   - then: told whether there was an answer.
    func history(minPosition: Position? = nil, then: ((Bool) -> Void)? = nil) {
        let isPair = world.random.chance(0.25)
        var features = (isPair ? Self.eventFeatures : Self.sensorFeatures).filter { _ in world.random.chance(0.7) }
        if features.isEmpty { features = [isPair ? "events:amount" : "readings:value"] }
        let numbers = (0..<world.random.int(1...6)).map { _ in world.random.int(0...world.scenario.keyCount) }
        let (names, columns) = keyColumns(isPair: isPair, numbers)
        let times = numbers.map { _ -> Value in
            world.random.chance(0.05)
                ? .null : .timestamp((wall / 1_000_000 - Microseconds(world.random.int(-300...5_000))) * 1_000_000)
        }
        guard let timeColumn = try? Column(.timestamp, times) else { return }
        let last = world.checker.model.lastStanding?.position ?? 0
        let asOf = minPosition == nil && world.random.chance(0.5) && last > 0 ? Position(world.random.int(1...Int(last))) : nil
        let least = minPosition ?? (world.random.chance(0.4) ? drawPosition() : 0)
        let isIngest = world.random.chance(0.3)
        let head = HistoryRequest.with {
            $0.project = Workload.project
            $0.features = features
            $0.spineColumns = zip(names, columns).map { ColumnSpec(Field($0, $1.type)) } + [ColumnSpec(Field("at", .timestamp))]
            $0.spineTime = "at"
            $0.asOf = asOf
            $0.minPosition = least
            $0.availabilityIngest = isIngest
        }
        let spine = Batch(
            rowCount: numbers.count, columns: (columns + [timeColumn]).enumerated().map { ($0.offset, $0.element) })
        let asked = HistoryAsked(
            features: features, keys: columns, times: timeColumn, minPosition: least, asOf: asOf, isIngest: isIngest)
        let lastThen = world.checker.model.lastPosition
        var cells: Frame?
        let answer: Caller.Answer = { [weak self] result in
            guard let self else { return }
            open -= 1
            switch result {
            case .success(let frame):
                world.checker.served(asked, cells, end: frame)
                then?(true)
            case .failure(let error):
                failedHistory(error, asOf, least, lastThen)
                then?(false)
            }
        }
        open += 1
        offline.call(.history, head, body: Array(spine.bytes), timeout: 800_000, data: { cells = $0 }, answer: answer)
    }

    private func failedHistory(_ error: HeadwaterError, _ asOf: Position?, _ least: Position, _ lastThen: Position) {
        // Below the oldest position that rows were not removed of.
        if error.code == .outOfRange, let asOf, let oldest = world.checker.oldestCutoff, asOf < oldest {
            world.figures.readsFailed += 1
            return
        }
        if error.code == .dataLoss, let asOf, world.checker.isInGap(asOf) { return }
        let isDefined = world.checker.isDefined(at: asOf ?? least, life: .max)
        failedRead(error, "a history", least, lastThen, mayBeUndefined: world.mayForget || !isDefined)
    }
}
