import Catalog
import FeatureModel
import Testing

@Suite struct EvolutionTests {
    func weather(_ catalog: Catalog) throws -> CatalogGroup { try #require(catalog.group(project: "flights", name: "weather")) }

    @Test func applyingTheSameTextAgainChangesNothing() throws {
        var catalog = try flights()
        let before = catalog
        let plan = try apply(flightsYAML, to: &catalog)
        #expect(plan.isEmpty && catalog == before)
        #expect(plan.items.allSatisfy { $0.action == .unchanged })
    }

    @Test func planReadsAsADifference() throws {
        var catalog = Catalog()
        let text = group("event_time: at")
        #expect(
            try apply(text, to: &catalog).lines == [
                "project p", "+ entity e", "    + keys (id int64)", "+ feature group g@1",
                "    + entity e, keys (id int64), event_time at", "    + feature temp float64",
                "2 created, 0 changed, 0 refused; 0 stay as they are",
            ])
        let next = group("event_time: at\n    max_age: 6h", features: "- {name: gust, type: float32}")
        #expect(
            try apply(next, to: &catalog).lines == [
                "project p", "= entity e", "~ feature group g@1", "    ~ max_age: none → 6h",
                "    = feature temp: kept (it is not in the files; nothing is deleted)", "    + feature gust float32",
                "0 created, 1 changed, 0 refused; 1 stays as it is",
            ])
    }

    @Test func aNewFeatureStandsBehindTheOthersWhereverItIsListed() throws {
        var catalog = try flights()
        try apply(
            flightsYAML.replacing("- {name: temp,", with: "- {name: gust, type: float32}\n      - {name: temp,"), to: &catalog)
        let group = try weather(catalog)
        #expect(group.newestSchema.schemaVersion == 2)
        #expect(group.newestSchema.features.map(\.name) == ["temp", "visib", "last_24h", "gust"])
        #expect(catalog.schema(group.id, 1)?.features.map(\.name) == ["temp", "visib", "last_24h"])
        #expect(catalog.schema(group.id, 3) == nil && catalog.schema(99, 1) == nil)
    }

    @Test func wideningIsOneNewSchemaVersion() throws {
        var catalog = try flights()
        try apply(flightsYAML.replacing("{name: seats, type: int32}", with: "{name: seats, type: int64}"), to: &catalog)
        let group = try #require(catalog.group(project: "flights", name: "aircraft"))
        #expect(group.newestSchema.schemaVersion == 2)
        #expect(group.newestSchema.features[0] == Field("seats", .int64))
        #expect(catalog.schema(group.id, 1)?.features[0] == Field("seats", .int32))
    }

    @Test func metadataChangesWithoutANewSchemaVersion() throws {
        var catalog = try flights()
        let text = flightsYAML.replacing("max_age: 3h", with: "max_age: 6h").replacing("max: 10", with: "max: 20")
            .replacing("degrees F", with: "°F")
        let plan = try apply(text, to: &catalog)
        let group = try weather(catalog)
        #expect(group.newestSchema.schemaVersion == 1 && group.schemas.count == 1)
        #expect(group.maxAgeMicroseconds == TimeSpan("6h")?.microseconds)
        #expect(group.definition.features[1].checks?.max == .whole(20))
        #expect(
            plan.items.first { $0.name == "weather@1" }?.details == [
                "~ max_age: 3h → 6h", "~ feature temp: description: air temperature, degrees F → air temperature, °F",
                "~ feature visib: checks: {min: 0, max: 10} → {min: 0, max: 20}",
            ])
    }

    @Test(arguments: [
        (
            "{name: temp, type: float64,", "{name: temp, type: string,",
            "feature_groups[weather].features[temp].type: feature weather:temp changes float64 → string: make it a new "
                + "version of the group (version: 2)"
        ),
        (
            "{name: temp, type: float64,", "{name: temp, type: float32,",
            "feature_groups[weather].features[temp].type: feature weather:temp changes float64 → float32: make it a new "
                + "version of the group (version: 2)"
        ),
        (
            "event_time: time_hour", "event_time: at",
            "feature_groups[weather].event_time: event_time of weather@1 changes time_hour → at: make it a new version of "
                + "the group (version: 2)"
        ),
        (
            "owner: ops", "available_time: known_at\n    owner: ops",
            "feature_groups[weather].available_time: available_time of weather@1 changes none → known_at: make it a new "
                + "version of the group (version: 2)"
        ),
        (
            "entity: airport", "entity: aircraft",
            "feature_groups[weather].entity: the entity of weather@1 changes airport → aircraft: make it a new version of "
                + "the group (version: 2)"
        ),
        (
            "{name: origin, type: string}", "{name: origin, type: int64}",
            "entities[airport].keys: the keys of entity 'airport' change from (origin string) to (origin int64): define a "
                + "new entity, and a new version of the groups that use it"
        ),
        (
            "\"weather@1:visib\"", "\"aircraft:seats\"",
            "feature_services[departure_delay].features: the features of service departure_delay@1 change: make it a new "
                + "version of the service (version: 2)"
        ),
    ])
    func whatMayNotChangeIsRefusedWithARemedy(old: String, new: String, refusal: String) throws {
        let catalog = try flights()
        #expect(flightsYAML.contains(old))
        let plan = try catalog.plan(load(flightsYAML.replacing(old, with: new)).definitions)
        #expect(plan.refusals == [refusal])
        #expect(plan.changes.isEmpty)
        #expect { try plan.approved() } throws: {
            ($0 as? HeadwaterError)?.code == .failedPrecondition && ($0 as? HeadwaterError)?.message == refusal
        }
    }

    @Test func aNewVersionMayDifferInEverything() throws {
        var catalog = try flights()
        try apply(
            flightsYAML.replacing("version: 1\n    entity: airport", with: "version: 2\n    entity: airport")
                .replacing("{name: temp, type: float64,", with: "{name: temp, type: string,"), to: &catalog)
        #expect(try weather(catalog).version == 1)
        try promote(.group, "weather@2", in: &catalog)
        #expect(try weather(catalog).version == 2)
        #expect(try weather(catalog).newestSchema.schemaVersion == 1)
        #expect(catalog.group(project: "flights", name: "weather", version: 1)?.newestSchema.features[0].type == .float64)
        #expect(catalog.group(project: "flights", name: "weather", version: 3) == nil)
        #expect(try catalog.group(project: "flights", reference: "weather@1").id == 1)
    }

    @Test func whatIsLeftOutIsKept() throws {
        var catalog = try flights()
        let plan = try apply("project: flights\nentities: []", to: &catalog)
        #expect(plan.isEmpty && plan.items.count == 5)
        #expect(plan.lines.contains("= feature group weather@1: kept (it is not in the files; nothing is deleted)"))
    }

    @Test func groupIdsAreUniqueAcrossProjects() throws {
        var catalog = try flights()
        try apply(flightsYAML.replacing("project: flights", with: "project: other"), to: &catalog)
        #expect(catalog.allGroups.map(\.id) == [1, 2, 3, 4])
        #expect(catalog.group(project: "other", name: "weather")?.id == 3)
        #expect(catalog.group(project: "flights", name: "weather")?.id == 1)
        #expect(catalog.projectNames == ["flights", "other"])
    }

    @Test func aFeatureKeptFromBeforeClashesWithNothingNew() throws {
        var catalog = Catalog()
        try apply(group("event_time: at"), to: &catalog)
        // The group alone, without its entity: the key's name comes from the catalog.
        let text = "project: p\nfeature_groups: [{name: g, entity: e, event_time: at, features: [{name: id, type: int32}]}]"
        let plan = try catalog.plan(load(text).definitions)
        #expect(
            plan.refusals == [
                "feature_groups[g].features[id].name: feature 'id' is also a key of g@1: give it another "
                    + "name"
            ])
        let other = "project: p\nfeature_groups: [{name: h, entity: e, event_time: id, features: [{name: x, type: int32}]}]"
        #expect(
            message { _ = try catalog.plan(load(other).definitions) }
                == "feature_groups[h].event_time: 'id' is also a key of entity 'e': columns of a group have different names")
    }
}
