import Catalog
import FeatureModel
import Testing

/// Removal: what depends on something is named and stands against it; ids and ordinals are never used again.
@Suite struct RemovalTests {
    private func refusals(_ kind: RemovableKind, _ name: String, isForced: Bool = false, _ catalog: Catalog) throws -> [String] {
        let removal = Removal(project: "flights", kind, name, isForced: isForced)
        let plan = try catalog.plan(removal, figures: [1: GroupFigures(keys: 3, rows: 7)])
        #expect(plan.refusals.isEmpty == !plan.changes.isEmpty)
        return plan.refusals
    }

    @Test func whatIsReadIsNotRemovedAndWhoReadsItIsNamed() throws {
        let catalog = try flights()
        let remedy = ": remove that first, or all together with --force (force=True)"
        #expect(
            try refusals(.group, "weather", catalog) == ["weather@1: feature service departure_delay@1 reads it\(remedy)"])
        #expect(
            try refusals(.feature, "weather:temp", catalog)
                == ["weather@1:temp: feature service departure_delay@1 reads it\(remedy)"])
        #expect(try refusals(.feature, "weather:last_24h", catalog).isEmpty)
        #expect(try refusals(.entity, "airport", catalog) == ["airport: feature group weather@1 has its keys\(remedy)"])
        #expect(try refusals(.group, "aircraft", catalog).isEmpty)
        #expect(try refusals(.service, "departure_delay", catalog).isEmpty)
        #expect(
            try refusals(.project, "flights", catalog) == [
                "flights: the project has 2 groups, 1 services, 2 entities and 0 datasets: "
                    + "remove it with all of them: --force (force=True)"
            ])
    }

    @Test func aForcedRemovalTakesTheChainWithIt() throws {
        var catalog = try flights()
        let before = catalog
        let plan = try remove(.entity, "airport", isForced: true, from: &catalog)
        #expect(plan.items.map(\.name) == ["departure_delay@1", "weather@1", "airport"])
        #expect(plan.items.allSatisfy { $0.action == .removed })
        #expect(plan.lines.last == "0 created, 0 changed, 3 removed, 0 refused; 0 stay as they are")
        #expect(catalog.entities(in: "flights").map(\.name) == ["aircraft"] && catalog.services(in: "flights").isEmpty)
        #expect(catalog.allGroups.map(\.reference) == ["aircraft@1"] && catalog.removedGroups.map(\.reference) == ["weather@1"])
        #expect(try catalog.asOf(before.position).resolve(project: "flights", .service("departure_delay")).outputs.count == 3)
        #expect(try Catalog(decodingHistory: catalog.encodeHistory()[...]) == catalog)
        #expect(
            message { _ = try catalog.group(project: "flights", reference: "weather") }
                == "feature group 'weather@1' of project 'flights' was removed at position \(catalog.position); "
                + "as of positions before it is there while its rows are")
    }

    @Test func aNameIsUsedAgainUnderTheNextVersionAndAnIdNever() throws {
        var catalog = try flights()
        try remove(.service, "departure_delay", from: &catalog)
        try remove(.group, "weather", from: &catalog)
        let refused = message { _ = try catalog.plan(load(flightsYAML).definitions) }
        #expect(
            refused.contains(
                "feature_groups[weather].version: weather@1 was removed: its name is used again under the next version (version: 2)"
            ))
        #expect(refused.contains("feature_services[departure_delay].version: departure_delay@1 was removed"))
        let again = flightsYAML.replacing("version: 1", with: "version: 2").replacing("weather@1", with: "weather@2")
        try apply(again, to: &catalog)
        let group = try catalog.group(project: "flights", reference: "weather")
        #expect(group.reference == "weather@2" && group.id == 3)
        #expect(try catalog.service(project: "flights", reference: "departure_delay").reference == "departure_delay@2")
        // A promotion of what is gone does not come back: the third version moves nobody.
        try apply(again.replacing("version: 2\n    entity: airport", with: "version: 3\n    entity: airport"), to: &catalog)
        #expect(try catalog.group(project: "flights", reference: "weather").reference == "weather@2")
        #expect(try Catalog(decodingHistory: catalog.encodeHistory()[...]) == catalog)
    }

    @Test func thePromotedVersionIsNotRemovedBesideOthers() throws {
        var catalog = try flights()
        let second = flightsYAML.replacing("version: 1\n    entity: airport", with: "version: 2\n    entity: airport")
        try apply(second, to: &catalog)
        try remove(.service, "departure_delay", from: &catalog)
        #expect(
            try refusals(.group, "weather@1", isForced: true, catalog) == [
                "weather@1: weather means weather@1, and there is weather@2 besides: "
                    + "promote another version first: 'headwater promote group weather@2'"
            ])
        #expect(
            message { _ = try refusals(.group, "weather", catalog) }
                == "say which version of weather is removed: there are weather@1, weather@2")
        try promote(.group, "weather@2", in: &catalog)
        try remove(.group, "weather@1", from: &catalog)
        #expect(try catalog.group(project: "flights", reference: "weather").reference == "weather@2")
        #expect(catalog.allGroups.map(\.reference) == ["aircraft@1", "weather@2"])
    }

    @Test func aRemovedFeatureKeepsItsColumnAndIsNoLongerSeen() throws {
        var catalog = try flights()
        let before = catalog
        try remove(.feature, "weather:last_24h", from: &catalog)
        let group = try catalog.group(project: "flights", reference: "weather")
        #expect(group.newestSchema.features.map(\.name) == ["temp", "visib", "last_24h"])
        #expect(group.featureOrdinals == [2, 3] && group.ordinal(ofFeature: "last_24h") == nil)
        #expect(try catalog.resolve(project: "flights", .features(["weather:*"])).outputs.map(\.name) == ["temp", "visib"])
        #expect(
            message { _ = try catalog.resolve(project: "flights", .features(["weather:last_24h"])) }
                == "no feature 'last_24h' in group weather@1: there are temp, visib")
        #expect(try catalog.asOf(before.position).resolve(project: "flights", .features(["weather:*"])).outputs.count == 3)
        let described = try catalog.description(project: "flights", of: "weather").featureGroups[0]
        #expect(described.definition.features.map(\.name) == ["temp", "visib"])
        #expect(described.columns.map(\.role) == ["key", "event_time", "feature", "feature", "removed"])
        #expect(described.schema == group.newestSchema)
        // Files that still list it are refused; a new feature stands behind it.
        let plan = try catalog.plan(load(flightsYAML).definitions)
        #expect(plan.refusals.count == 1 && plan.refusals[0].contains("feature 'last_24h' of weather@1 was removed at"))
        let next = flightsYAML.replacing("- {name: last_24h, type: array(float32)}", with: "- {name: gust, type: float32}")
        try apply(next, to: &catalog)
        #expect(try catalog.group(project: "flights", reference: "weather").ordinal(ofFeature: "gust") == 5)
        #expect(try catalog.plan(load(next).definitions).isEmpty)
        #expect(try Catalog(decodingHistory: catalog.encodeHistory()[...]) == catalog)
    }

    @Test func theOnlyFeatureOfAGroupIsNotRemoved() throws {
        var catalog = try flights()
        try remove(.feature, "aircraft:engine", from: &catalog)
        #expect(
            try refusals(.feature, "aircraft:seats", isForced: true, catalog)
                == ["aircraft@1:seats: it is the only feature of aircraft@1: remove the group"])
    }

    @Test func aWriteToWhatIsRemovedIsRefused() throws {
        var catalog = try flights()
        func write(_ ordinals: [Int]) throws -> [AppliedEntry] {
            let columns = try ordinals.map { ordinal -> (Int, Column) in
                let type = catalog.group(id: 1)!.newestSchema.type(ofOrdinal: ordinal)
                let value: Value =
                    switch type {
                    case .string: .string("JFK")
                    case .timestamp: .timestamp(1)
                    default: .null
                    }
                return (ordinal, try Column(type, [value]))
            }
            return try catalog.checkWrite(
                [
                    RecordEntry(
                        groupID: 1, schemaVersion: 1, operation: .write,
                        batch: Batch(rowCount: 1, columns: columns.map { (ordinal: $0.0, column: $0.1) }))
                ], now: 10)
        }
        try remove(.feature, "weather:last_24h", from: &catalog)
        #expect(try write([0, 1, 2]).count == 1)
        #expect(
            message { _ = try write([0, 1, 4]) }
                == "nothing was written: weather@1: feature last_24h was removed at position \(catalog.position): leave the column out"
        )
        try remove(.group, "weather", isForced: true, from: &catalog)
        #expect(
            message { _ = try write([0, 1, 2]) }
                == "nothing was written: flights/weather@1 was removed at position \(catalog.position)")
    }

    private func saving(_ selection: FeatureSelection, _ catalog: inout Catalog) throws {
        let plan = try catalog.resolve(project: "flights", selection)
        func columns(_ fields: [Field]) -> DatasetDefinition.Table {
            DatasetDefinition.Table(
                columns: fields.map { .init(name: $0.name, type: $0.type, hash: String(repeating: "a", count: 64)) },
                hash: String(repeating: "b", count: 64))
        }
        let dataset = DatasetDefinition(
            name: "train", query: .init(selection, asOf: catalog.position, spineTime: "t"), rows: 2,
            spine: columns(plan.keys + [Field("t", .timestamp)]),
            features: columns(plan.outputs.map { Field($0.name, $0.type) }))
        catalog.apply(
            try catalog.plan(Definitions(project: "flights", datasets: [dataset])).approved(), position: catalog.position + 1)
    }

    @Test func aDatasetStandsAgainstItUntilItIsReleased() throws {
        var catalog = try flights()
        try saving(.service("departure_delay"), &catalog)
        let position = catalog.position - 1
        let reads = "dataset train reads it as of \(position) and is not released: 'headwater dataset release train', "
        #expect(try refusals(.service, "departure_delay", catalog).count { $0.contains(reads) } == 1)
        #expect(try refusals(.group, "weather", catalog).count { $0.contains(reads) } == 1)
        #expect(try refusals(.feature, "weather:temp", catalog).count { $0.contains(reads) } == 1)
        #expect(try refusals(.feature, "weather:last_24h", catalog).isEmpty)
        #expect(try refusals(.dataset, "train", isForced: true, catalog).count == 1)
        #expect(try refusals(.project, "flights", isForced: true, catalog).count == 1)
        // Forced, the chain goes and the set stays as it is.
        var forced = catalog
        let plan = try remove(.group, "weather", isForced: true, from: &forced)
        #expect(plan.lines.contains("    = dataset train reads it as of \(position): that stays until it is released"))
        #expect(forced.datasets(in: "flights").count == 1 && forced.services(in: "flights").isEmpty)
        // Released, it stands against nothing, and can be removed itself.
        var released = catalog
        var dataset = try released.dataset(project: "flights", name: "train")
        dataset.isReleased = true
        released.apply(
            try released.plan(Definitions(project: "flights", datasets: [dataset])).approved(), position: released.position + 1)
        #expect(try refusals(.service, "departure_delay", released).isEmpty)
        try remove(.dataset, "train", from: &released)
        #expect(released.datasets(in: "flights").isEmpty)
    }

    @Test func aRemovedProjectIsGoneAndItsNameIsFree() throws {
        var catalog = try flights()
        let plan = try remove(.project, "flights", isForced: true, from: &catalog)
        #expect(plan.items.map(\.name) == ["departure_delay@1", "aircraft@1", "weather@1", "aircraft", "airport", "flights"])
        #expect(catalog.projectNames.isEmpty && catalog.allGroups.isEmpty)
        #expect(catalog.listing(of: "flights").featureGroups.isEmpty)
        #expect(try Catalog(decodingHistory: catalog.encodeHistory()[...]) == catalog)
        let again = flightsYAML.replacing("- name: aircraft", with: "- name: aircraft\n    version: 2")
            .replacing("version: 1", with: "version: 2").replacing("weather@1", with: "weather@2")
        try apply(again, to: &catalog)
        #expect(catalog.projectNames == ["flights"] && catalog.allGroups.map(\.id) == [3, 4])
    }

    @Test(arguments: [
        (RemovableKind.group, "wether", "no feature group 'wether' in project 'flights': did you mean 'weather'?"),
        (.service, "weather", "no feature service 'weather' in project 'flights': there are departure_delay"),
        (.entity, "port", "no entity 'port' in project 'flights': there are aircraft, airport"),
        (.feature, "weather:tmp", "no feature 'tmp' in group weather@1: did you mean 'temp'?"),
        (.feature, "weather:*", "no feature '*' in group weather@1: there are temp, visib, last_24h"),
        (.dataset, "train", "no dataset 'train' in project 'flights': there is none"),
        (.project, "flight", "no project 'flight': did you mean 'flights'?"),
    ])
    func aRemovalOfWhatIsNotThereSaysWhatIs(kind: RemovableKind, name: String, reason: String) throws {
        let catalog = try flights()
        #expect(message { _ = try refusals(kind, name, catalog) } == reason)
    }
}
