import Catalog
import FeatureModel

/// Definitions that a client was told are in force.
struct Defined {
    let step: Int
    /// The record that holds them.
    let record: ModelRecord
}

/// A turn that a client was told of.
struct Turned {
    let number: Int
    let record: ModelRecord
}

extension Checker {
    /// A client was told that a step of the definitions is in force, and by which record.
    func defined(_ step: Int, at position: Position) {
        world.note("defined", [UInt64(step), position])
        guard let record = acknowledgedRecord(at: position, "definitions") else { return }
        if record.kind != .definitions {
            return world.violate("P1", "definitions were acknowledged at \(position), where a record of \(record.kind) is")
        }
        definitions.append(Defined(step: step, record: record))
    }

    /// A client was given a session.
    func opened(_ producer: Position) {
        guard let record = acknowledgedRecord(at: producer, "a session") else { return }
        if record.kind != .producer {
            world.violate("P1", "a session was acknowledged at \(producer), where a record of \(record.kind) is")
        }
    }

    private func acknowledgedRecord(at position: Position, _ what: String) -> ModelRecord? {
        guard let record = model.records.last(where: { $0.position == position }) else {
            world.violate("P1", "\(what) acknowledged at \(position), which is not in the log")
            return nil
        }
        return record
    }

    /// Whether a client was told of definitions that a store at `position` must still hold.
    func isDefined(at position: Position, life: Int) -> Bool { definitions.contains { $0.record.isIn(position, life) } }

    /// P1 and P4: a catalog holds each group and step that a client was told of, and nothing that nobody defined.
    func checkDefinitions(_ store: String, _ groups: [CatalogGroup], at position: Position, life: Int) {
        let step = definitions.filter { $0.record.isIn(position, life) }.map(\.step).max()
        let found = Dictionary(uniqueKeysWithValues: groups.map { ($0.id, $0.schemas) })
        for (group, versions) in Workload.schemas.sorted(by: { $0.key < $1.key }) {
            let known = found[group] ?? []
            let changed = Workload.changedBy.firstIndex(of: group) ?? .max
            // Where an earlier step was lost, a group may begin with what was its second version.
            let isKnown =
                if world.mayForget {
                    known.allSatisfy { one in versions.contains { $0.features == one.features && $0.keys == one.keys } }
                } else { known == Array(versions.prefix(known.count)) }
            let least = step.map { $0 >= changed ? versions : Array(versions.prefix(1)) } ?? []
            let isThere =
                least.isEmpty || known.last?.features == versions.last!.features || known.last?.features == least.last!.features
            if !isKnown || !isThere {
                world.violate(
                    "P4", "\(store) at \(position): group \(group) has \(known.count) versions after step \(step ?? -1): \(known)"
                )
            }
        }
        for group in groups where Workload.schemas[group.id] == nil && group.name != Turn.group {
            world.violate("P4", "\(store) at \(position): group \(group.id) was never defined")
        }
    }

    /// A client was told that a turn of the passing group is done.
    func turned(_ number: Int, at position: Position) {
        world.note("turned", [UInt64(number), position])
        guard let record = acknowledgedRecord(at: position, "a turn") else { return }
        turns.append(Turned(number: number, record: record))
    }

    /// P1 and P4: of the passing group there is what the turns made that
    /// a client was told of, or what one or more under way have made.
    func checkTurns(_ store: String, _ catalog: Catalog, at position: Position, life: Int) {
        guard !world.mayForget else { return }
        let versions = catalog.allGroups.filter { $0.name == Turn.group }.map(\.version)
        let promoted = catalog.group(project: Workload.project, name: Turn.group)?.version
        let least = (turns.last { $0.record.isIn(position, life) }?.number).map { $0 + 1 } ?? 0
        let isKnown = (least...world.turns + 1).contains { count in
            let standing = Turn.standing(after: count)
            return versions == standing?.versions ?? [] && promoted == standing?.promoted
        }
        if !isKnown {
            world.violate(
                "P4",
                "\(store) at \(position): versions \(versions) of the passing group, \(promoted ?? 0) promoted, after turn \(least)"
            )
        }
    }
}
