extension Plan {
    /// Things of one kind that stay as they are, up to which each has a line; more are counted.
    private static let listedMax = 20
    /// Things that are made, up to which all their fields are shown; of more each has one line.
    private static let detailedMax = 100

    /// The plan for people: `+` created, `~` changed, `=` unchanged or kept, `!` refused; details indented.
    ///
    /// A plan of thousands of definitions stays readable: what stays as it is
    /// is counted, and what is made has a line each. `items` has all of it.
    public var lines: [String] {
        var lines = ["project \(project)"]
        let counts = Dictionary(grouping: items) { Listed(kind: $0.kind, action: $0.action) }.mapValues(\.count)
        let isLong = items.count { $0.action == .created } > Self.detailedMax
        var counted: Set<Listed> = []
        for item in items {
            let listed = Listed(kind: item.kind, action: item.action)
            let count = counts[listed]!
            let warnings = (item.warnings ?? []).map { "    warning: \($0)" }
            if item.stays, count > Self.listedMax, warnings.isEmpty {
                if counted.insert(listed).inserted { lines.append(countLine(listed, count)) }
                continue
            }
            let isShort = isLong && item.action == .created
            lines.append("\(sign(item.action)) \(item.kind.rawValue) \(item.name)\(remark(item.action))")
            if !isShort { lines += item.details.map { "    \($0)" } }
            lines += warnings
        }
        if isLong { lines.append("fields of what is created are left out, as there is much of it: --json has them") }
        lines.append(summary)
        return lines
    }

    /// What is counted together.
    private struct Listed: Hashable {
        let kind: Kind
        let action: Action
    }

    private func countLine(_ listed: Listed, _ count: Int) -> String {
        let kinds = listed.kind == .entity ? "entities" : "\(listed.kind.rawValue)s"
        return listed.action == .kept
            ? "= \(count) \(kinds): kept (they are not in the files; nothing is deleted)" : "= \(count) \(kinds): unchanged"
    }

    private func sign(_ action: Action) -> String {
        switch action {
        case .created: "+"
        case .changed, .promoted: "~"
        case .removed: "-"
        case .unchanged, .kept: "="
        case .refused: "!"
        }
    }

    private func remark(_ action: Action) -> String {
        switch action {
        case .kept: ": kept (it is not in the files; nothing is deleted)"
        case .promoted: ": promoted"
        case .removed: ": removed"
        case .refused: ": refused"
        default: ""
        }
    }
}

extension Plan.Item {
    /// Whether applying leaves it as it is, and there is nothing to say about it.
    fileprivate var stays: Bool { (action == .kept || action == .unchanged) && details.isEmpty }
}
