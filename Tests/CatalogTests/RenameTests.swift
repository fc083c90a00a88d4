import Catalog
import FeatureModel
import Testing

/// Groups, services and features under new names: the old ones mean them until they are taken out.
@Suite struct RenameTests {
    private static let renamed =
        flightsYAML
        .replacing("- name: weather", with: "- name: wind\n    renamed_from: [weather]")
        .replacing("\"weather", with: "\"wind")

    @Test func aRenamedGroupIsTheSameGroupAndItsOldNameMeansIt() throws {
        var catalog = try flights()
        let id = try catalog.group(project: "flights", reference: "weather").id
        let plan = try apply(Self.renamed, to: &catalog)
        #expect(plan.lines.contains("    ~ renamed: weather@1 → wind@1; weather still means it"))
        for name in ["wind", "wind@1", "weather", "weather@1"] {
            let group = try catalog.group(project: "flights", reference: name)
            #expect(group.id == id && group.reference == "wind@1" && group.newestSchema.schemaVersion == 1)
        }
        #expect(catalog.allGroups.count == 2 && catalog.groups(in: "flights").map(\.name) == ["aircraft", "wind"])
        #expect(try catalog.description(project: "flights", of: "weather").featureGroups[0].definition.name == "wind")
        // Applied again, nothing changes; taken out, the old name means nothing.
        #expect(try catalog.plan(load(Self.renamed).definitions).isEmpty)
        #expect(try Catalog(decodingHistory: catalog.encodeHistory()[...]) == catalog)
        try apply(Self.renamed.replacing("renamed_from: [weather]", with: "renamed_from: []"), to: &catalog)
        #expect(throws: HeadwaterError.self) { try catalog.group(project: "flights", reference: "weather") }
    }

    @Test func outputsAreCalledAsTheyAreAskedForAndPinnedOnesAsTheyWere() throws {
        var catalog = try flights()
        let before = catalog
        let service = SelectionNames(
            full: ["weather__temp", "weather__visib", "dest_temp"], short: ["temp", "visib", "dest_temp"])
        try apply(Self.renamed, to: &catalog)
        #expect(try names(catalog, .service("departure_delay")) == service)
        #expect(try names(before, .service("departure_delay")) == service)
        #expect(try names(catalog, .features(["weather:temp"])).full == ["weather__temp"])
        #expect(try names(catalog, .features(["wind:temp"])).full == ["wind__temp"])
        #expect(catalog.asOf(before.position) == before)
    }

    private struct SelectionNames: Equatable {
        let full: [String]
        let short: [String]
    }

    private func names(_ catalog: Catalog, _ selection: FeatureSelection) throws -> SelectionNames {
        func names(_ full: Bool) throws -> [String] {
            try catalog.resolve(project: "flights", selection, fullNames: full).outputs.map(\.name)
        }
        return SelectionNames(full: try names(true), short: try names(false))
    }

    @Test func aRenamedFeatureKeepsItsPlaceAndItsOldName() throws {
        var catalog = try flights()
        let text = flightsYAML.replacing("{name: temp, type: float64,", with: "{name: heat, renamed_from: temp, type: float64,")
            .replacing("weather:temp\"", with: "weather:heat\"")
        let service = text.replacing("\"weather:heat\"", with: "\"weather:temp\"")
        let plan = try apply(service, to: &catalog)
        #expect(plan.lines.contains("    ~ feature heat: renamed from temp, which still means it"))
        let group = try catalog.group(project: "flights", reference: "weather")
        #expect(
            group.newestSchema.features.map(\.name) == ["heat", "visib", "last_24h"] && group.newestSchema.schemaVersion == 2)
        #expect(group.ordinal(ofFeature: "temp") == 2 && group.ordinal(ofFeature: "heat") == 2)
        #expect(try names(catalog, .features(["weather:temp"])).short == ["temp"])
        #expect(try names(catalog, .features(["weather:heat"])).short == ["heat"])
        #expect(try names(catalog, .service("departure_delay")).short == ["temp", "visib", "dest_temp"])
        #expect(try catalog.plan(load(service).definitions).isEmpty)
        try apply(service.replacing("renamed_from: temp, ", with: ""), to: &catalog)
        #expect(throws: HeadwaterError.self) { try names(catalog, .features(["weather:temp"])) }
        #expect(try names(catalog, .service("departure_delay")).short == ["temp", "visib", "dest_temp"])
    }

    @Test func allVersionsOfAGroupAreRenamedTogetherAndWhatIsPromotedStays() throws {
        var catalog = try flights()
        try apply(flightsYAML.replacing("version: 1\n    entity: airport", with: "version: 2\n    entity: airport"), to: &catalog)
        let plan = try apply(Self.renamed, to: &catalog)
        #expect(plan.lines.contains("    ~ renamed: weather@2 → wind@2"))
        #expect(catalog.groups(in: "flights").map(\.reference) == ["aircraft@1", "wind@1", "wind@2"])
        #expect(try catalog.group(project: "flights", reference: "weather").reference == "wind@1")
        #expect(try catalog.group(project: "flights", reference: "weather@2").reference == "wind@2")
    }

    @Test func aRenamedServiceIsTheSameService() throws {
        var catalog = try flights()
        let pins = try catalog.service(project: "flights", reference: "departure_delay").pins
        let text = flightsYAML.replacing("- name: departure_delay", with: "- name: delay\n    renamed_from: [departure_delay]")
        try apply(text, to: &catalog)
        for name in ["delay", "delay@1", "departure_delay", "departure_delay@1"] {
            let service = try catalog.service(project: "flights", reference: name)
            #expect(service.reference == "delay@1" && service.pins == pins)
        }
        #expect(try Catalog(decodingHistory: catalog.encodeHistory()[...]) == catalog)
        #expect(try catalog.plan(load(text).definitions).isEmpty)
    }

    @Test(arguments: [
        (
            "- name: aircraft\n    entity", "- name: aircraft\n    renamed_from: [weather]\n    entity",
            "feature_groups[aircraft].renamed_from: 'weather' is there itself, beside 'aircraft': "
                + "a feature group is renamed by listing it once, by its new name"
        ),
        (
            "{name: visib,", "{name: visib, renamed_from: [temp],",
            "feature_groups[weather].features[visib].renamed_from: 'temp' is also a feature of this group: "
                + "a renamed feature is listed once, by its new name"
        ),
        (
            "{name: visib,", "{name: visib, renamed_from: [visib],",
            "feature_groups[weather].features[visib].renamed_from: 'visib' is its name now: list those that it had before"
        ),
        (
            "{name: visib,", "{name: visib, deprecated: \"\",",
            "feature_groups[weather].features[visib].deprecated: say what to use instead, in 1 to 4096 bytes, such as \"use weather@2\""
        ),
    ])
    func aRenameThatWouldMeanTwoThingsIsRefused(old: String, new: String, reason: String) throws {
        let catalog = try flights()
        let text = flightsYAML.replacing(old, with: new)
        #expect(message { _ = try catalog.plan(load(text).definitions) }.contains(reason))
    }

    @Test func anOldNameThatStillMeansSomethingIsNotTaken() throws {
        var catalog = try flights()
        try apply(Self.renamed, to: &catalog)
        let taken = """
            project: flights
            feature_groups: [{name: weather, entity: airport, features: [{name: x, type: bool}]}]
            """
        #expect(
            message { _ = try catalog.plan(load(taken).definitions) }
                == "feature_groups[weather].name: 'weather' still means 'wind', which was called so before: "
                + "take it out of its renamed_from first")
        try apply(Self.renamed.replacing("renamed_from: [weather]", with: "renamed_from: []"), to: &catalog)
        try apply(taken, to: &catalog)
        #expect(try catalog.group(project: "flights", reference: "weather").id == 3)
    }

    @Test func whatIsDeprecatedIsSaidInPlansListingsDescriptionsAndPreparedLists() throws {
        var catalog = try flights()
        let text = flightsYAML.replacing("owner: ops", with: "deprecated: use wind\n    owner: ops")
            .replacing("{name: visib, type: float64,", with: "{name: visib, deprecated: use sight, type: float64,")
            .replacing("- name: departure_delay", with: "- name: departure_delay\n    deprecated: use arrival_delay")
        let plan = try apply(text, to: &catalog)
        #expect(plan.lines.contains("    ~ deprecated: none → use wind"))
        #expect(plan.lines.contains("    ~ feature visib: deprecated: none → use sight"))
        #expect(
            plan.warnings == [
                "feature service departure_delay@1: weather@1 is deprecated: use wind",
                "feature service departure_delay@1: weather@1:visib is deprecated: use sight",
            ])
        #expect(
            try catalog.resolve(project: "flights", .service("departure_delay")).warnings == [
                "departure_delay@1 is deprecated: use arrival_delay", "weather@1 is deprecated: use wind",
                "weather@1:visib is deprecated: use sight",
            ])
        #expect(try catalog.resolve(project: "flights", .features(["aircraft:seats"])).warnings.isEmpty)
        #expect(catalog.listing(of: "flights").featureGroups.map(\.deprecated) == [nil, "use wind"])
        let described = try catalog.description(project: "flights", of: "weather")
        #expect(described.featureGroups[0].definition.deprecated == "use wind")
        #expect(try CatalogDescription.decode(json: described.encodeJSON()[...]) == described)
        try apply(flightsYAML, to: &catalog)
        #expect(try catalog.resolve(project: "flights", .service("departure_delay")).warnings.isEmpty)
    }

    @Test(arguments: [
        ("project: flights", "project: headwater.flights", "project"),
        ("{name: airport,", "{name: headwater.airport,", "entities[headwater.airport].name"),
        ("- name: aircraft\n", "- name: headwater.aircraft\n", "feature_groups[headwater.aircraft].name"),
        ("{name: seats,", "{name: headwater.seats,", "feature_groups[aircraft].features[headwater.seats].name"),
        ("- name: departure_delay", "- name: headwater.delay", "feature_services[headwater.delay].name"),
    ])
    func namesOfTheSystemsOwnAreRefused(old: String, new: String, path: String) throws {
        let text = flightsYAML.replacing(old, with: new).replacing(
            "entity: airport", with: new.contains("airport") ? "entity: headwater.airport" : "entity: airport")
        let message = message { _ = try Catalog().plan(load(text).definitions) }
        #expect(message.contains("\(path): bad name 'headwater."), "\(message)")
        // One that is there from before stays, and may be applied again.
        let body = CatalogRecordBody.encode(try Catalog().plan(load(flightsYAML).definitions).approved())
        let renamed = String(decoding: body, as: UTF8.self).replacing("\"aircraft\"", with: "\"headwater.aircraft\"")
        var catalog = Catalog()
        catalog.apply(try CatalogRecordBody.decode(Array(renamed.utf8)[...]), position: 1)
        let same = flightsYAML.replacing("aircraft", with: "headwater.aircraft")
        #expect(try catalog.plan(load(same).definitions).isEmpty)
    }
}
