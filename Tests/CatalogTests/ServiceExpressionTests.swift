import Catalog
import FeatureModel
import Testing

/// Services whose outputs are worked out of others and of the request.
@Suite struct ServiceExpressionTests {
    private static let service = """

          - name: comfort
            request: [{name: wished, type: float64, description: "degrees F"}, {name: kind, type: string}]
            features:
              - {feature: "weather:temp", as: warm, hidden: true}
              - {name: colder, expr: "wished   -  warm"}
              - "weather:visib"
              - {name: clear, expr: "visib >= 10 and ( found(warm) )", description: "one sees the hills"}
              - {name: near, expr: "abs(colder) < 5 and kind = 'walk'", hidden: true}
              - {name: go, expr: "near and clear"}
        """

    private func comfort(_ text: String = service) throws -> Catalog {
        var catalog = Catalog()
        try apply(flightsYAML + text, to: &catalog)
        return catalog
    }

    /// What is said against a service, without the lines that show the place.
    private func problem(_ change: (String) -> String) -> String {
        message { _ = try comfort(change(Self.service)) }
    }

    @Test func outputsStandInTheOrderOfTheDefinition() throws {
        let plan = try comfort().resolve(project: "flights", .service("comfort"))
        #expect(plan.outputs.map(\.name) == ["colder", "visib", "clear", "go"])
        #expect(plan.outputs.map(\.type) == [.float64, .float64, .bool, .bool])
        #expect(plan.keys == [Field("origin", .string)])
        #expect(plan.request == [Field("wished", .float64), Field("kind", .string)])
        #expect(
            plan.reads.count == 2 && plan.lookups.count == 1 && plan.expressions.map(\.name) == ["colder", "clear", "near", "go"])
        #expect(plan.expressions[0].inputs == [.request(0), .read(0)])
        #expect(plan.expressions[1].inputs.contains(.found(0)) && plan.expressions[3].inputs == [.expression(2), .expression(1)])
        let full = try comfort().resolve(project: "flights", .service("comfort"), fullNames: true)
        #expect(full.outputs.map(\.name) == ["colder", "weather__visib", "clear", "go"])
    }

    @Test func anotherSpellingIsTheSameExpressionAndAnotherMeaningIsANewVersion() throws {
        var catalog = try comfort()
        let same = Self.service.replacing("wished   -  warm", with: "(wished) -warm").replacing(
            "one sees the hills", with: "a view")
        let plan = try apply(flightsYAML + same, to: &catalog)
        #expect(plan.items.last?.action == .changed)
        let definition = try catalog.service(project: "flights", reference: "comfort").definition
        #expect(definition.features[1].expression?.text == "wished - warm" && definition.features[1].expression?.language == 1)
        #expect(definition.features[3].expression?.description == "a view")
        for (old, new) in [
            ("wished   -  warm", "warm - wished"), ("type: float64, desc", "type: float32, desc"),
            ("kind, type: string", "kind, type: bytes"),
            ("  - \"weather:visib\"", "  - {feature: \"weather:visib\", as: visib}"),
            (", hidden: true}\n      - {name: go", "}\n      - {name: go"),
            ("- {name: go, expr: \"near and clear\"}", "- {name: gone, expr: \"near and clear\"}"),
        ] {
            let text = Self.service.replacing(old, with: new).replacing(
                "kind = 'walk'", with: new.contains("bytes") ? "kind is null" : "kind = 'walk'")
            #expect(text != Self.service, "\(old)")
            let refused = message { try apply(flightsYAML + text, to: &catalog) }
            #expect(refused.contains("the features of service comfort@1 change"), "\(new): \(refused)")
        }
        let second = Self.service.replacing("name: comfort", with: "name: comfort\n    version: 2").replacing(
            "wished   -  warm", with: "warm - wished")
        try apply(flightsYAML + Self.service + second.replacing("\n\n", with: "\n"), to: &catalog)
        #expect(
            try catalog.service(project: "flights", reference: "comfort@2").definition.features[1].expression?.text
                == "warm - wished")
    }

    @Test func wordsMayChangeWhenNamesMeanSomethingElse() throws {
        var catalog = try comfort()
        let second = flightsYAML.replacing("version: 1\n    entity: airport", with: "version: 2\n    entity: airport")
        try apply(second, to: &catalog)
        try promote(.group, "weather@2", in: &catalog)
        try apply(
            second + Self.service.replacing("one sees the hills", with: "a view").replacing("degrees F", with: "F"), to: &catalog)
        let service = try catalog.service(project: "flights", reference: "comfort")
        #expect(
            service.definition.features[3].expression?.description == "a view" && service.definition.request[0].description == "F"
        )
        #expect(service.pins.allSatisfy { $0.groupVersion == 1 })
    }

    @Test func aPlanShowsRequestAndExpressions() throws {
        var catalog = try flights()
        let plan = try apply(flightsYAML + Self.service, to: &catalog)
        let lines = plan.items.first { $0.name == "comfort@1" }?.details ?? []
        #expect(
            lines == [
                "+ request wished float64", "+ request kind string", "+ weather@1:temp as warm, hidden",
                "+ colder = wished - warm",
                "+ weather@1:visib", "+ clear = visib >= 10 and found(warm)",
                "+ near = abs(colder) < 5 and kind = 'walk', hidden", "+ go = near and clear",
            ])
    }

    @Test func whatIsWrongIsSaidWithItsPlace() {
        #expect(
            problem { $0.replacing("wished   -", with: "wishd -") }.contains(
                "features[1].expr: character 1: there is no column 'wishd': did you mean 'wished'?"))
        #expect(problem { $0.replacing("wished   -", with: "kind -") }.contains("features[1].expr: character"))
        #expect(problem { $0.replacing("wished   -  warm", with: "wished -") }.contains("features[1].expr: character 9"))
        // What stands behind it is not known yet, nor is it itself.
        #expect(problem { $0.replacing("wished   -  warm", with: "visib") }.contains("there is no column 'visib'"))
        #expect(problem { $0.replacing("near and clear", with: "go and clear") }.contains("there is no column 'go'"))
        #expect(problem { $0.replacing("name: kind", with: "name: wished") }.contains("column 'wished' is listed twice"))
        #expect(problem { $0.replacing("name: kind", with: "name: origin") }.contains("'origin' is also a key of weather@1"))
        #expect(
            problem { $0.replacing("name: kind", with: "name: visib") }.contains("'visib' is also the name of weather@1:visib"))
        #expect(problem { $0.replacing("name: go,", with: "name: near,") }.contains("'near' is the name of something else"))
        #expect(problem { $0.replacing("name: go,", with: "name: clear,") }.contains("'clear', the output of expression clear"))
        #expect(problem { $0.replacing("name: go,", with: "name: origin,") }.contains("'origin' is also a key"))
        #expect(problem { $0.replacing("name: go,", with: "name: a b,") }.contains("features[5].name: bad name 'a b'"))
        #expect(problem { $0.replacing("name: go,", with: "") }.contains("features[5].name: missing"))
        #expect(
            problem { $0.replacing("name: go,", with: "name: go, language: 2,") }.contains("language 2; this version knows 1"))
        #expect(problem { $0.replacing("name: go,", with: "name: go, as: gone,") }.contains("unknown field 'as'"))
        #expect(problem { $0.replacing("type: string}", with: "type: text}") }.contains("unknown type 'text'"))
        #expect(problem { $0.replacing("expr: \"near and clear\"", with: "expr: ''") }.contains("features[5].expr"))
    }

    @Test func twoOutputsOfOneNameAreNotReadByIt() throws {
        let both = Self.service.replacing(
            "as: warm, hidden: true}", with: "as: warm, hidden: true}\n      - \"aircraft:seats\"\n      - \"more:seats\"")
        let groups = flightsYAML.replacing(
            "    feature_services:".replacing("    ", with: ""),
            with: "  - {name: more, entity: aircraft, features: [{name: seats, type: int32}]}\nfeature_services:")
        var catalog = Catalog()
        try apply(groups + both, to: &catalog)
        #expect(
            message { _ = try apply(groups + both.replacing("wished   -  warm", with: "wished - seats"), to: &catalog) }.contains(
                "'seats' is the name of several outputs"))
    }

    @Test func recordsSayWhetherOlderVersionsCanReadThem() throws {
        var catalog = try flights()
        let old = try catalog.plan(load(flightsYAML.replacing("owner: ops", with: "owner: else")).definitions).approved()
        #expect(String(decoding: CatalogRecordBody.encode(old), as: UTF8.self).hasSuffix("\"format\":1}"))
        #expect(String(decoding: catalog.encodeHistory().prefix(12), as: UTF8.self) == "{\"format\":1,")
        let new = try catalog.plan(load(flightsYAML + Self.service).definitions).approved()
        let body = CatalogRecordBody.encode(new)
        #expect(String(decoding: body, as: UTF8.self).hasSuffix("\"format\":2}"))
        #expect(try CatalogRecordBody.decode(body[...]) == new)
        catalog.apply(new, position: 9)
        let blob = catalog.encodeHistory()
        #expect(String(decoding: blob.prefix(12), as: UTF8.self) == "{\"format\":2,")
        let again = try Catalog(decodingHistory: blob[...])
        #expect(
            try again.resolve(project: "flights", .service("comfort")) == catalog.resolve(project: "flights", .service("comfort"))
        )
        let newer = String(decoding: body, as: UTF8.self).replacing("\"format\":2}", with: "\"format\":3}")
        #expect(
            message { _ = try CatalogRecordBody.decode(Array(newer.utf8)[...]) }.contains(
                "of format 3; this version reads 1 to 2"))
        // Places that do not fit are damage, and no trap.
        for places in ["[9]", "[2,1,2,2]", "[1,2]", "[-1,1,2,2]"] {
            let broken = String(decoding: body, as: UTF8.self).replacing(
                "\"expression_places\":[1,2,2,2]", with: "\"expression_places\":\(places)")
            #expect(broken != String(decoding: body, as: UTF8.self))
            #expect(throws: HeadwaterError.self) { try CatalogRecordBody.decode(Array(broken.utf8)[...]) }
        }
    }

    @Test func renamingAndWideningAFeatureLeaveTheExpressionAsItIs() throws {
        let service =
            "\n  - {name: room, request: [{name: guests, type: int32}], features: [\"aircraft:seats\", {name: free, expr: \"seats - guests\"}, {name: same, expr: \"seats\"}]}"
        var catalog = try comfort(service)
        #expect(try catalog.resolve(project: "flights", .service("room")).outputs.map(\.type) == [.int32, .int64, .int32])
        try apply(flightsYAML.replacing("seats, type: int32", with: "seats, type: int64") + service, to: &catalog)
        #expect(try catalog.resolve(project: "flights", .service("room")).outputs.map(\.type) == [.int64, .int64, .int64])
        let renamed = flightsYAML.replacing(
            "{name: seats, type: int32}", with: "{name: chairs, type: int64, renamed_from: seats}")
        try apply(renamed + service, to: &catalog)
        let plan = try catalog.resolve(project: "flights", .service("room"))
        #expect(plan.outputs.map(\.name) == ["seats", "free", "same"] && plan.expressions[0].text == "seats - guests")
    }

    @Test func aDescriptionNamesWhatIsWorkedOut() throws {
        let service = try comfort().description(project: "flights", of: "comfort").featureServices[0]
        #expect(service.outputs.map(\.name) == ["warm", "colder", "visib", "clear", "near", "go"])
        #expect(
            service.outputs.map(\.expr) == [
                nil, "wished - warm", nil, "visib >= 10 and found(warm)", "abs(colder) < 5 and kind = 'walk'", "near and clear",
            ])
        #expect(service.outputs.map(\.hidden) == [true, nil, nil, nil, true, nil])
        #expect(service.outputs[0].feature == "weather@1:temp" && service.outputs[1].feature == nil)
        #expect(service.places(of: "walk") == ["output near"] && service.places(of: "degrees") == ["request wished"])
    }

    @Test func whatAnExpressionReadsIsNotRemoved() throws {
        var catalog = try comfort()
        #expect(message { try remove(.feature, "weather:visib", from: &catalog) }.contains("comfort@1"))
        #expect(message { try remove(.feature, "weather:temp", from: &catalog) }.contains("comfort@1"))
    }

    @Test func aServiceMayReadTheRequestAlone() throws {
        let service = "\n  - {name: sums, request: [{name: a, type: int64}], features: [{name: b, expr: \"a + 1\"}]}"
        let plan = try comfort(service).resolve(project: "flights", .service("sums"))
        #expect(plan.keys.isEmpty && plan.lookups.isEmpty && plan.outputs.map(\.name) == ["b"])
    }
}
