import FeatureModel

/// What both stores must hold: the fold of the journals' writes, in the order of the positions that `marks` shows.
struct Fold {
    struct Latest {
        let time: Microseconds
        let position: Position
        let isDelete: Bool
        let id: RequestID
    }

    private(set) var positions: [RequestID: Position] = [:]
    private(set) var requests: [Position: Request] = [:]
    /// Of each key that was ever written, in both groups.
    private(set) var latest: [Int64: Latest] = [:]
    private let journals: Journals
    private let seed: UInt64
    private let start: Microseconds

    init(_ site: Site, _ journals: Journals) {
        self.journals = journals
        seed = site.seed
        start = site.start
    }

    /// Takes the position of every write from its row in `marks`.
    mutating func place(_ marks: [StoredRow], _ figures: inout Figures) {
        for mark in marks {
            let id = RequestID(mark.key)
            guard let entry = journals.entries[id] else {
                figures.found(.p4, "marks has \(id.value), which nobody sent")
                continue
            }
            if let before = positions[id] {
                figures.found(.duplicated, "\(id.value) stands at \(before) and at \(mark.position)")
                continue
            }
            let request = Request(seed: seed, id: id)
            positions[id] = mark.position
            if let other = requests.updateValue(request, forKey: mark.position) {
                figures.found(.p4, "\(other.id.value) and \(id.value) both stand at \(mark.position)")
            }
            let isWhole =
                !mark.isDelete && mark.number == Int64(request.rowCount) && mark.row == request.rowCount - 1
                && (entry.position == nil || entry.ingestTime == mark.ingestTime)
            if !isWhole { figures.found(.p4, "marks, \(id.value): \(mark)") }
            for key in request.keys {
                let next = Latest(
                    time: start + request.time, position: mark.position, isDelete: request.isDelete, id: id)
                if let now = latest[key], (now.time, now.position) > (next.time, next.position) { continue }
                latest[key] = next
            }
        }
    }

    /// Each row of a placed write is in the group once, as it was sent, and nothing else is.
    func check(_ rows: [StoredRow], isAlpha: Bool, _ figures: inout Figures) {
        let group = isAlpha ? "alpha" : "beta"
        var seen: [Position: Set<Int>] = [:]
        var previous: StoredRow?
        for row in rows {
            if let previous,
                (previous.key, previous.time, previous.position, UInt64(previous.row))
                    >= (row.key, row.time, row.position, UInt64(row.row))
            {
                figures.found(.p4, "\(group) is out of order: \(previous) before \(row)")
            }
            previous = row
            guard let request = requests[row.position] else {
                figures.found(.p4, "\(group) has a row of no known write: \(row)")
                continue
            }
            let keys = request.keys
            let index = row.row - (isAlpha ? 0 : keys.count)
            guard keys.indices.contains(index), keys[index] == row.key, row.time == start + request.time,
                row.isDelete == request.isDelete, Self.hasContent(row, of: request, isAlpha: isAlpha)
            else {
                figures.found(.p4, "\(group), of \(request.id.value): \(row)")
                continue
            }
            if !seen[row.position, default: []].insert(index).inserted {
                figures.found(.duplicated, "\(group), of \(request.id.value): row \(row.row)")
            }
        }
        for (position, request) in requests where seen[position]?.count != request.keys.count {
            figures.found(
                .p4,
                "\(group) has \(seen[position]?.count ?? 0) of \(request.keys.count) rows of \(request.id.value) at \(position)")
        }
    }

    private static func hasContent(_ row: StoredRow, of request: Request, isAlpha: Bool) -> Bool {
        if request.isDelete { return row.number == nil && row.detail.isEmpty }
        return row.number == request.id.value
            && row.detail == (isAlpha ? request.note(row.key) : "\(request.weight(row.key))")
    }
}
