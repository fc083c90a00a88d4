import FeatureModel

/// Effects of records that are applied already, whose keys are still to be looked up.
///
/// A store on a disk looks many keys up for little more than one, so a fold that reads a log in pieces asks for a piece
/// at a time. What was asked at a record's position has the same answer later, until the same key is written or deleted, or
/// a cutoff or a definition may hide its rows: before that the questions are settled.
struct OpenQuestions {
    struct Question {
        let position: Position
        let stamp: ProducerStamp
        let asked: EffectsQuestion
    }

    /// Hashes of keys that may be asked for, with their groups'. Two keys of one hash are settled once more than they need to be.
    private var hashes: Set<Int> = []
    private(set) var questions: [Question] = []

    /// Keys that are looked up together at most.
    private static let keysMax = 8_192

    var isEmpty: Bool { questions.isEmpty }
    var isFull: Bool { hashes.count >= Self.keysMax }

    mutating func add(_ question: Question) {
        questions.append(question)
        for keys in question.asked.keys {
            Self.forEachHash(keys.schema, keys.columns, keys.rowCount) { hashes.insert($0) }
        }
    }

    /// Whether a record may change the answer to one of the questions.
    func areTouched(by record: AppliedRecord) -> Bool {
        guard !isEmpty else { return false }
        switch record.change {
        case .nothing: return false
        case .cutoff, .removals: return true
        case .rows, .row:
            for entry in record.entries {
                var isTouched = false
                Self.forEachHash(entry.schema, entry.keyColumns, entry.batch.rowCount) {
                    isTouched = isTouched || hashes.contains($0)
                }
                if isTouched { return true }
            }
            return false
        }
    }

    mutating func takeAll() -> [Question] {
        defer { self = Self() }
        return questions
    }

    /// The effects of each question, by one look-up for each group.
    ///
    /// - Parameter exists: for each of some keys of a group, given as columns, whether it has a row that is served.
    static func effects(
        of questions: [Question], exists: (GroupSchema, [Column], Int) throws(HeadwaterError) -> [Bool]
    ) throws(HeadwaterError) -> [WriteEffects] {
        var asked: [GroupID: [EffectsQuestion.Keys]] = [:]
        for keys in questions.flatMap(\.asked.keys) { asked[keys.schema.groupID, default: []].append(keys) }
        var found: [GroupID: ArraySlice<Bool>] = [:]
        for (group, all) in asked {
            let columns = all[0].columns.indices.map { index in Column.joined(all.map { $0.columns[index] }) }
            found[group] = try exists(all[all.count - 1].schema, columns, all.reduce(0) { $0 + $1.rowCount })[...]
        }
        return try questions.map { (question) throws(HeadwaterError) in
            try question.asked.effects { (schema, _, count) in
                defer { found[schema.groupID]!.removeFirst(count) }
                return Array(found[schema.groupID]!.prefix(count))
            }
        }
    }

    private static func forEachHash(_ schema: GroupSchema, _ columns: [Column], _ rowCount: Int, _ body: (Int) -> Void) {
        var bytes: [UInt8] = []
        for row in 0..<rowCount {
            bytes.removeAll(keepingCapacity: true)
            _ = KeyCodec.append(columns, row: row, to: &bytes)
            var hasher = Hasher()
            hasher.combine(schema.groupID)
            hasher.combine(bytes)
            body(hasher.finalize())
        }
    }
}
