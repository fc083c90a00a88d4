import Catalog
import FeatureModel
import Testing

/// Services that nobody could read are refused before they are pinned;
/// those that can be read in one way are taken with a warning.
@Suite struct ServiceNamesTests {
    /// Groups whose keys and names clash in every way.
    private static let groups = """
        project: p
        entities:
          - {name: user, keys: [{name: id, type: int64}]}
          - {name: shop, keys: [{name: id, type: string}]}
          - {name: pair, keys: [{name: a, type: int64}, {name: b, type: string}]}
          - {name: odd, keys: [{name: u__x, type: int64}]}
        feature_groups:
          - {name: u, entity: user, features: [{name: x, type: float64}, {name: y, type: float64}, {name: a, type: int64}]}
          - {name: u, version: 2, entity: user, features: [{name: x, type: float64}]}
          - {name: s, entity: shop, features: [{name: x, type: float64}]}
          - {name: pair, entity: pair, features: [{name: z, type: float64}, {name: id, type: int64}]}
          - {name: odd, entity: odd, features: [{name: w, type: float64}]}
          - {name: u__x, entity: user, features: [{name: y, type: float64}]}
          - {name: u2, entity: user, features: [{name: x, type: float64}, {name: x__y, type: float64}]}
          - {name: u2__x, entity: user, features: [{name: y, type: float64}]}
        """

    private func plan(_ features: String) throws -> Plan {
        var catalog = Catalog()
        try apply(Self.groups, to: &catalog)
        return try catalog.plan(load("project: p\nfeature_services: [{name: svc, features: \(features)}]").definitions)
    }

    @Test(arguments: [
        (
            "[{feature: \"u:x\", as: id}]",
            "features[0]: the alias 'id' is also a key of the request, which u@1 in features[0] is looked up by: give it another alias (as: NAME)"
        ),
        (
            "[{feature: \"u:x\", as: dest}, {feature: \"u:y\", keys: {id: dest}}]",
            "features[0]: the alias 'dest' is also a key of the request, which u@1 in features[1] is looked up by: "
                + "give it another alias (as: NAME)"
        ),
        (
            "[\"u:x\", {feature: \"s:x\", as: sx}]",
            "features[1]: the request's key 'id' is int64 for u@1 in features[0], and string for s@1 here: "
                + "give one another name (keys: {id: OTHER})"
        ),
        (
            "[{feature: \"pair:z\", keys: {a: k, b: k}}]",
            "features[0]: the request's key 'k' is int64 for pair@1 in features[0], and string for pair@1 here: "
                + "give one another name (keys: {b: OTHER})"
        ),
        (
            "[\"u@1:x\", \"u@2:x\"]",
            "features[1]: 'u__x', the output of u@2:x, is already that of u@1:x in features[0]: give it another alias (as: NAME)"
        ),
        (
            "[\"u2:x__y\", \"u2__x:y\"]",
            "features[1]: 'u2__x__y', the output of u2__x@1:y, is already that of u2@1:x__y in features[0]: "
                + "give it another alias (as: NAME)"
        ),
        (
            "[\"u:*\", {feature: \"u2:x\", as: u__y}]",
            "features[1]: 'u__y', the output of u2@1:x, is already that of u@1:y in features[0]: give it another alias (as: NAME)"
        ),
        (
            "[\"u@2:x\", \"s:x\"]",
            "features[1]: the request's key 'id' is int64 for u@2 in features[0], and string for s@1 here: "
                + "give one another name (keys: {id: OTHER})"
        ),
        (
            "[\"odd:w\", \"u:x\", \"u2:x\"]",
            "features[2]: u@1:x in features[1] and u2@1:x in features[2] are both called 'x', and u@1:x in features[1] has the full name "
                + "'u__x', as a key of odd@1 in features[0] has: nobody could read the service; give them aliases (as: NAME)"
        ),
    ])
    func aServiceThatNobodyCanReadIsRefusedWithBothPlacesNamed(features: String, reason: String) throws {
        // The unversioned name of a group that has two versions is left out of it here.
        let features = features.replacing("\"u:", with: "\"u@1:")
        #expect(message { _ = try plan(features) } == "feature_services[svc].\(reason)")
    }

    @Test(arguments: [
        (
            "[\"u@1:x\", \"u2:x\"]",
            "u@1:x in features[0] and u2@1:x in features[1] are both called 'x': "
                + "the service is read with full names, or give one an alias (as: NAME)"
        ),
        (
            "[{feature: \"u@1:y\", as: x}, \"u2:x\"]",
            "u@1:y in features[0] and u2@1:x in features[1] are both called 'x': "
                + "the service is read with full names, or give one an alias (as: NAME)"
        ),
        (
            "[\"u@1:x\", \"pair:id\"]",
            "pair@1:id in features[1] is called 'id', as a key of u@1 in features[0] is: "
                + "the service is read with full names, or give one an alias (as: NAME)"
        ),
        (
            "[\"odd:w\", \"u@1:x\"]",
            "u@1:x in features[1] has the full name 'u__x', as a key of odd@1 in features[0] has: "
                + "the service cannot be read with full names"
        ),
    ])
    func aServiceThatCanBeReadInOneWayIsTakenWithAWarning(features: String, warning: String) throws {
        let plan = try plan(features)
        #expect(plan.warnings == ["feature service svc@1: \(warning)"])
        #expect(plan.lines.contains("    warning: \(warning)"))
        #expect(try !plan.approved().isEmpty)
    }

    @Test func oneKeyForSeveralGroupsOfOneTypeIsNoClash() throws {
        let plan = try plan("[\"u@1:x\", {feature: \"u2:x\", as: x2}, {feature: \"pair:z\", keys: {a: id}}]")
        #expect(plan.warnings.isEmpty)
        #expect(try !plan.approved().isEmpty)
    }

    /// A store may have one from before: it opens, and applying the same text again changes nothing.
    @Test func aServiceFromBeforeThatNobodyCanReadStillOpensAndStays() throws {
        var catalog = Catalog()
        try apply(Self.groups, to: &catalog)
        let body = """
            {"changes":[{"kind":"service","pins":[{"as":"id","feature":"x","group":1,"group_version":1,"ordinal":1}],"project":"p",\
            "service":{"features":[{"as":"id","feature":"u@1:x"}],"name":"old","version":1}}],"format":1}
            """
        catalog.apply(try CatalogRecordBody.decode(Array(body.utf8)[...]), position: catalog.position + 1)
        catalog = try Catalog(decodingHistory: catalog.encodeHistory()[...])
        let text = "project: p\nfeature_services: [{name: old, features: [{feature: \"u@1:x\", as: id}]}]"
        let plan = try catalog.plan(load(text).definitions)
        #expect(plan.isEmpty && plan.items.contains { $0.name == "old@1" && $0.action == .unchanged })
        #expect(throws: HeadwaterError.self) { try catalog.resolve(project: "p", .service("old")) }
    }
}
