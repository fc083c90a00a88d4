import Catalog
import FeatureModel
import Testing

@Suite struct ServiceTests {
    @Test func aServiceStaysPinnedWhenItsGroupGetsANewVersion() throws {
        var catalog = try flights()
        let pins = try catalog.service(project: "flights", reference: "departure_delay").pins
        try apply(
            flightsYAML.replacing(
                "version: 1\n    entity: airport",
                with: "version: 2\n    entity: "
                    + "airport"), to: &catalog)
        let service = try catalog.service(project: "flights", reference: "departure_delay")
        #expect(service.pins == pins && pins.map(\.groupVersion) == [1, 1, 1])
        #expect(try catalog.resolve(project: "flights", .service("departure_delay")).lookups.allSatisfy { $0.groupID == 1 })
        #expect(try catalog.resolve(project: "flights", .features(["weather:temp"])).lookups[0].group == "weather@1")
        try promote(.group, "weather@2", in: &catalog)
        #expect(try catalog.resolve(project: "flights", .features(["weather:temp"])).lookups[0].group == "weather@2")
        #expect(try catalog.resolve(project: "flights", .service("departure_delay")).lookups.allSatisfy { $0.groupID == 1 })
    }

    @Test func aStarIsPinnedToTheFeaturesOfItsDay() throws {
        var catalog = try flights()
        let service = "\n  - {name: all, features: [\"weather:*\"]}"
        try apply(flightsYAML + service, to: &catalog)
        try apply(
            flightsYAML.replacing("- {name: temp,", with: "- {name: gust, type: float32}\n      - {name: temp,") + service,
            to: &catalog)
        #expect(try catalog.resolve(project: "flights", .service("all")).outputs.map(\.name) == ["temp", "visib", "last_24h"])
        #expect(
            try catalog.resolve(project: "flights", .features(["weather:*"])).outputs.map(\.name) == [
                "temp", "visib", "last_24h", "gust",
            ])
    }

    @Test func aWidenedFeatureIsServedAtItsNewType() throws {
        var catalog = try flights()
        let service = "\n  - {name: s, features: [\"aircraft:seats\"]}"
        try apply(flightsYAML + service, to: &catalog)
        try apply(flightsYAML.replacing("seats, type: int32", with: "seats, type: int64") + service, to: &catalog)
        #expect(try catalog.resolve(project: "flights", .service("s")).outputs[0].type == .int64)
    }

    @Test func descriptionsAndAnotherSpellingOfTheSameMayChange() throws {
        var catalog = try flights()
        let text = flightsYAML.replacing(
            "features: [\"weather:temp\", \"weather@1", with: "owner: me\n    features: [\"weather@1:temp\", \"weather@1")
        let plan = try apply(text, to: &catalog)
        #expect(plan.items.last?.action == .changed)
        let service = try catalog.service(project: "flights", reference: "departure_delay@1")
        #expect(service.definition.owner == "me" && service.pins.count == 3)
    }

    @Test func aNewVersionOfAServiceStandsBesideTheOld() throws {
        var catalog = try flights()
        let service = "\n  - {name: departure_delay, version: 2, features: [\"weather:temp\"]}"
        try apply(flightsYAML + service, to: &catalog)
        #expect(try catalog.service(project: "flights", reference: "departure_delay").version == 1)
        #expect(try catalog.service(project: "flights", reference: "departure_delay_v2").version == 2)
        try promote(.service, "departure_delay@2", in: &catalog)
        #expect(try catalog.service(project: "flights", reference: "departure_delay").version == 2)
        #expect(try catalog.service(project: "flights", reference: "departure_delay@1").version == 1)
        #expect(try catalog.service(project: "flights", reference: "departure_delay_v1").version == 1)
        try apply(flightsYAML + service + "\n  - {name: departure_delay_v1, features: [\"aircraft:seats\"]}", to: &catalog)
        #expect(try catalog.service(project: "flights", reference: "departure_delay_v1").name == "departure_delay_v1")
        #expect(
            message { _ = try catalog.service(project: "flights", reference: "departure_dely") }
                == "no feature service 'departure_dely' in project 'flights': did you mean 'departure_delay'?")
    }

    @Test(arguments: [
        (
            "[\"weather:temp\", \"weather:temp\"]",
            "features[1]: 'weather__temp', the output of weather@1:temp, is already that of weather@1:temp in features[0]: "
                + "give it another alias (as: NAME)"
        ),
        (
            "[{feature: \"weather:temp\", as: a}, {feature: \"weather:visib\", as: a}]",
            "features[1]: 'a', the output of weather@1:visib, is already that of weather@1:temp in features[0]: "
                + "give it another alias (as: NAME)"
        ),
        (
            "[{feature: \"weather:temp\", keys: {orign: dest}}]",
            "features[0]: 'orign' is no key of weather@1: did you mean 'origin'?"
        ),
        ("[\"weather@3:temp\"]", "features[0]: no feature group 'weather@3' in project 'flights': did you mean 'weather@1'?"),
        ("[\"weather:wind\"]", "features[0]: no feature 'wind' in group weather@1: there are temp, visib, last_24h"),
    ])
    func badServicesAreRefusedWithTheirLine(features: String, reason: String) throws {
        let catalog = try flights()
        let text = "project: flights\nfeature_services: [{name: s, features: \(features)}]"
        #expect(message { _ = try catalog.plan(load(text).definitions) } == "feature_services[s].\(reason)")
    }
}
