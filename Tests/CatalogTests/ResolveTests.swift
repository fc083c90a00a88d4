import Catalog
import FeatureModel
import Testing

@Suite struct ResolveTests {
    @Test func theExampleLooksWeatherUpByOriginAndByDest() throws {
        let plan = try flights().resolve(project: "flights", .service("departure_delay"))
        #expect(plan.service == "departure_delay@1")
        #expect(plan.keys == [Field("origin", .string), Field("dest", .string)])
        #expect(plan.lookups.map { plan.keyNames(of: $0) } == [["origin"], ["dest"]])
        #expect(plan.outputs.map(\.name) == ["temp", "visib", "dest_temp"])
        #expect(plan.reads.map(\.lookup) == [0, 0, 1] && plan.reads.map(\.feature) == [0, 1, 0] && plan.isOnlyReads)
        #expect(plan.lookups[0].maxAge == TimeSpan("3h")?.microseconds)
        #expect(plan.lookups[0].schema.type(ofOrdinal: plan.lookups[0].features[1].ordinal) == .float64)
        #expect(plan.lookups[0].features.map(\.ordinal) == [2, 3])
    }

    @Test func fullNamesLeaveAliasesAlone() throws {
        let plan = try flights().resolve(project: "flights", .service("departure_delay"), fullNames: true)
        #expect(plan.outputs.map(\.name) == ["weather__temp", "weather__visib", "dest_temp"])
    }

    @Test func outputsKeepTheListedOrderAcrossGroups() throws {
        let plan = try flights().resolve(project: "flights", .features(["weather:visib", "aircraft:seats", "weather:temp"]))
        #expect(plan.outputs.map(\.name) == ["visib", "seats", "temp"])
        #expect(plan.lookups.map(\.group) == ["weather@1", "aircraft@1"])
        #expect(plan.reads.map(\.lookup) == [0, 1, 0] && plan.reads.map(\.feature) == [0, 0, 1])
        #expect(plan.keys.map(\.name) == ["origin", "tailnum"])
    }

    func clashing() throws -> Catalog {
        var catalog = Catalog()
        try apply(
            """
            project: p
            entities:
              - {name: a, keys: [{name: id, type: int64}]}
              - {name: b, keys: [{name: id, type: string}]}
              - {name: all, keys: []}
            feature_groups:
              - {name: g, entity: a, features: [{name: x, type: bool}, {name: total, type: bool}]}
              - {name: h, entity: a, features: [{name: x, type: bool}]}
              - {name: s, entity: b, features: [{name: y, type: bool}]}
              - {name: world, entity: all, features: [{name: z, type: bool}, {name: id, type: bool}]}
            feature_services:
              - {name: mapped, features: ["g:x", {feature: "s:y", keys: {id: code}}]}
            """, to: &catalog)
        return catalog
    }

    @Test(arguments: [
        (["g:x", "h:x"], "two outputs are called 'x', g@1:x and h@1:x: use --full-feature-names, or aliases in a service"),
        (["g:x", "g:x"], "two outputs are called 'x', g@1:x and g@1:x: it is listed twice"),
        (["g:*", "g:x"], "two outputs are called 'x', g@1:x and g@1:x: it is listed twice"),
        (["g:x", "s:y"], "key 'id' is int64 in g@1 and string in s@1: give one another name in a service (keys: {id: OTHER})"),
        (
            ["world:id", "g:x"],
            "the output of world@1:id is called 'id', as a key of the request is: use --full-feature-names, or an alias in "
                + "a service"
        ),
        (["g:w"], "no feature 'w' in group g@1: there are x, total"),
        (["q:w"], "no feature group 'q' in project 'p': there are g, h, s, world"),
        ([], "0 features asked for: ask for 1 to 4096"),
    ])
    func clashesAreRefusedWithARemedy(features: [String], reason: String) throws {
        let catalog = try clashing()
        #expect(message { _ = try catalog.resolve(project: "p", .features(features)) } == reason)
    }

    @Test func fullNamesAndMappingsSolveClashes() throws {
        let catalog = try clashing()
        #expect(
            try catalog.resolve(project: "p", .features(["g:x", "h:x"]), fullNames: true).outputs.map(\.name) == ["g__x", "h__x"])
        let mapped = try catalog.resolve(project: "p", .service("mapped"))
        #expect(mapped.keys == [Field("id", .int64), Field("code", .string)])
        #expect(try catalog.resolve(project: "p", .features(["world:id", "g:x"]), fullNames: true).keys == [Field("id", .int64)])
    }

    @Test func aGlobalGroupNeedsNoKey() throws {
        let plan = try clashing().resolve(project: "p", .features(["world:z"]))
        #expect(plan.keys.isEmpty && plan.lookups[0].keys.isEmpty)
    }

    @Test func otherProjectsAreNotSeen() throws {
        #expect(throws: HeadwaterError.self) { try flights().resolve(project: "p", .features(["weather:temp"])) }
    }
}
