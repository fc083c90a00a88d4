public import FeatureModel

/// A request that a name without a version should mean another version.
public struct Promotion: Hashable, Sendable {
    public var project: String
    public var kind: VersionedKind
    /// `orders@2`.
    public var name: String
    /// Whether a version without rows is promoted too.
    public var isForced: Bool

    public init(project: String, _ kind: VersionedKind, _ name: String, isForced: Bool = false) {
        self.project = project
        self.kind = kind
        self.name = name
        self.isForced = isForced
    }
}

/// What a group holds, for a plan to tell.
public struct GroupFigures: Hashable, Sendable {
    /// Keys with a latest row, about: a key that was just overwritten may count twice. Zero is exact.
    public var keys: Int
    /// Rows of history, where the server that plans has it.
    public var rows: Int?

    public init(keys: Int, rows: Int? = nil) {
        self.keys = keys
        self.rows = rows
    }

    var text: String {
        let keys = "\(keys) \(keys == 1 ? "key" : "keys") online"
        return rows.map { "\(keys), \($0) \($0 == 1 ? "row" : "rows") of history" } ?? keys
    }
}

extension Catalog {
    /// What promoting a version would do: what the name meant, what it will mean, and who is affected.
    ///
    /// - Parameter figures: what groups hold; those that are left out hold nothing.
    /// - Throws: `.notFound` where there is no such version, `.invalidArgument` where the name says none.
    public func plan(_ promotion: Promotion, figures: [GroupID: GroupFigures]) throws(HeadwaterError) -> Plan {
        let name = try VersionedName.parse(promotion.name)
        switch promotion.kind {
        case .group:
            let group = try group(project: promotion.project, name)
            try checkVersion(name, groupVersions(project: promotion.project, name: group.name).map(\.reference))
            return plan(promotion, group, figures)
        case .service:
            let service = try service(project: promotion.project, reference: promotion.name)
            if service.name == name.name {
                try checkVersion(name, serviceVersions(project: promotion.project, name: service.name).map(\.reference))
            }
            return plan(promotion, service, figures)
        }
    }

    private func checkVersion(_ name: VersionedName, _ versions: [String]) throws(HeadwaterError) {
        guard name.version == nil else { return }
        throw HeadwaterError(.invalidArgument, "say which version of \(name): there are \(versions.joined(separator: ", "))")
    }

    private func plan(_ promotion: Promotion, _ group: CatalogGroup, _ figures: [GroupID: GroupFigures]) -> Plan {
        let old = self.group(project: group.project, name: group.name)!
        var differences = Differences()
        if old.id != group.id {
            differences.note("~ \(group.name): \(old.reference) → \(group.reference)")
            for one in [old, group] { differences.note("= \(one.reference): \((figures[one.id] ?? GroupFigures(keys: 0)).text)") }
            differences.noteLost(of: old, in: group)
            differences.note(
                "~ gets, histories, scans, writes and deletes that say \(group.name) mean \(group.reference) from then on")
            for line in namesUnversioned(group.name, in: group.project) { differences.note(line) }
            if figures[group.id]?.keys ?? 0 == 0, !promotion.isForced {
                differences.refuse(
                    group.reference, "\(group.reference) has no rows, so gets that say \(group.name) would find nothing",
                    "write them first, or promote it with --force (force=True)")
            }
        }
        return promotionPlan(promotion, .group, group.name, group.version, differences, isNew: old.id != group.id)
    }

    private func plan(_ promotion: Promotion, _ service: CatalogService, _ figures: [GroupID: GroupFigures]) -> Plan {
        let old = self.service(project: service.project, VersionedName(service.name))!
        var differences = Differences()
        if old.version != service.version {
            differences.note("~ \(service.name): \(old.reference) → \(service.reference)")
            differences.note("~ gets and histories that say \(service.name) mean \(service.reference) from then on")
            notePins(old, service, figures, isForced: promotion.isForced, &differences)
            for dataset in datasets(in: service.project) where dataset.query.selection == .service(service.name) {
                differences.note(
                    "= dataset \(dataset.name) stays as it is: it means what the name meant at \(dataset.query.asOf)")
            }
        }
        return promotionPlan(
            promotion, .service, service.name, service.version, differences, isNew: old.version != service.version)
    }

    /// The outputs that go and come, and the groups behind them.
    private func notePins(
        _ old: CatalogService, _ new: CatalogService, _ figures: [GroupID: GroupFigures], isForced: Bool,
        _ differences: inout Differences
    ) {
        func text(_ pin: ServicePin) -> String {
            let name = groups[pin.group]?.reference ?? "group \(pin.group)"
            return "\(name):\(pin.feature)\(pin.alias.map { " as \($0)" } ?? "")\(pin.isHidden ? ", hidden" : "")"
        }
        let (had, has) = (Set(old.pins), Set(new.pins))
        for pin in old.pins where !has.contains(pin) { differences.note("- \(text(pin))") }
        for pin in new.pins where !had.contains(pin) { differences.note("+ \(text(pin))") }
        let (hadLines, hasLines) = (Set(old.contentLines), Set(new.contentLines))
        for line in old.contentLines where !hasLines.contains(line) {
            if let text = line.text { differences.note("- \(text)") }
        }
        for line in new.contentLines where !hadLines.contains(line) {
            if let text = line.text { differences.note("+ \(text)") }
        }
        let known = Set(old.pins.map(\.group))
        for id in Set(old.pins.map(\.group) + new.pins.map(\.group)).sorted() {
            guard let group = groups[id] else { continue }
            let figures = figures[id] ?? GroupFigures(keys: 0)
            differences.note("= \(group.reference): \(figures.text)")
            if figures.keys == 0, !known.contains(id), !isForced {
                differences.refuse(
                    new.reference, "\(group.reference), which \(new.reference) reads, has no rows",
                    "write them first, or promote it with --force (force=True)")
            }
        }
    }

    /// Who names a group without a version in what is kept: none of them moves.
    private func namesUnversioned(_ name: String, in project: String) -> [String] {
        var lines: [String] = []
        for service in services(in: project) {
            guard service.definition.features.contains(where: { $0.feature?.feature.group == VersionedName(name) }) else {
                continue
            }
            let versions = Set(service.pins.compactMap { groups[$0.group] }.filter { $0.name == name }.map(\.reference)).sorted()
            lines.append("= service \(service.reference) stays pinned to \(versions.joined(separator: ", "))")
        }
        for dataset in datasets(in: project) {
            guard case .features(let features) = dataset.query.selection,
                features.contains(where: { (try? FeatureReference.parse($0))?.group == VersionedName(name) })
            else { continue }
            lines.append("= dataset \(dataset.name) stays as it is: it means what the name meant at \(dataset.query.asOf)")
        }
        return lines
    }

    private func promotionPlan(
        _ promotion: Promotion, _ kind: VersionedKind, _ name: String, _ version: UInt32, _ differences: Differences, isNew: Bool
    ) -> Plan {
        let isRefused = !differences.refusals.isEmpty
        let change = PromotionChange(project: promotion.project, what: kind, name: name, version: version)
        let item = Plan.Item(
            kind: kind.planKind, name: "\(name)@\(version)", action: isRefused ? .refused : isNew ? .promoted : .unchanged,
            details: differences.lines, path: "\(name)@\(version)", refusals: differences.refusals,
            warnings: differences.warnings.isEmpty ? nil : differences.warnings)
        return Plan(project: promotion.project, items: [item], changes: isNew && !isRefused ? [.promotion(change)] : [])
    }
}

extension Differences {
    /// Notes features of a group that another version lacks or has in another type: reads of them change.
    fileprivate mutating func noteLost(of old: CatalogGroup, in new: CatalogGroup) {
        for feature in old.definition.features {
            guard let other = new.definition.features.first(where: { $0.name == feature.name }) else {
                note("- feature \(feature.name) \(feature.type): \(new.reference) has none of that name")
                continue
            }
            if other.type != feature.type { note("~ feature \(feature.name): \(feature.type) → \(other.type)") }
        }
    }
}
