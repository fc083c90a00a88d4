import Catalog
import FeatureModel
import Testing

@Suite struct DefinitionsTests {
    @Test func theExampleReadsFieldForField() throws {
        let definitions = try load(flightsYAML).definitions
        #expect(definitions.project == "flights")
        let weather = definitions.featureGroups[0]
        #expect(weather.eventTime == "time_hour" && weather.version == 1 && weather.entity == "airport")
        #expect(weather.maxAge == TimeSpan("3h") && weather.retention == TimeSpan("400d") && weather.ahead == nil)
        #expect(weather.owner == "ops@example.com" && weather.tags == ["tier": "gold"])
        #expect(weather.features[0].description == "air temperature, degrees F")
        #expect(weather.features[1].checks == FeatureChecks(min: .whole(0), max: .whole(10)))
        #expect(weather.features[2].type == .array(.float32))
        #expect(definitions.featureGroups[1].isStatic)
        let service = definitions.featureServices[0]
        #expect(service.features[0] == "weather:temp")
        #expect(
            service.features[2].feature
                == ServiceFeature(try FeatureReference.parse("weather:temp"), as: "dest_temp", keys: ["origin": "dest"]))
    }

    @Test func aByteOrderMarkBeforeDefinitionsIsSkipped() throws {
        #expect(try load("\u{FEFF}" + flightsYAML).definitions == load(flightsYAML).definitions)
        #expect(try load("\u{FEFF}---\r\nproject: p\r\n").definitions.project == "p")
    }

    @Test func jsonRoundTripKeepsEverything() throws {
        let definitions = try load(flightsYAML).definitions
        let json = definitions.encodeJSON()
        #expect(try Definitions.decode(json: json[...]) == definitions)
        #expect(try Definitions.decode(json: json[...]).encodeJSON() == json)
    }

    @Test func canonicalJSONHasSortedKeysAndLeavesDefaultsOut() throws {
        let text = """
            project: p
            entities: [{name: e, primary_key: [{name: id, type: int64}]}]
            feature_groups:
              - {name: g, entity: e, timestamp_field: at, ttl: 60m, tags: {ab: 1, aC: 2, a_c: 3, B: 4, a10: 5, a9: 6},
                 features: [{name: x, type: float32, checks: {max: 0.5, not_null: false}}]}
            feature_services: [{name: s, features: ["g:*", {feature: "g:x", as: y}]}]
            """
        #expect(
            String(decoding: try load(text).definitions.encodeJSON(), as: UTF8.self)
                == #"{"entities":[{"keys":[{"name":"id","type":"int64"}],"name":"e"}],"#
                + #""feature_groups":[{"entity":"e","event_time":"at","#
                + #""features":[{"checks":{"max":0.5},"name":"x","type":"float32"}],"#
                + #""max_age":"1h","name":"g","#
                + #""tags":{"B":"4","a10":"5","a9":"6","aC":"2","a_c":"3","ab":"1"},"version":1}],"#
                + #""feature_services":[{"features":["g:*",{"as":"y","feature":"g:x"}],"name":"s","version":1}],"#
                + #""format":1,"project":"p"}"#
        )
    }

    @Test func aNewerFormatIsRefused() {
        let json = Array(#"{"format":2,"project":"p"}"#.utf8)
        #expect { try Definitions.decode(json: json[...]) } throws: { ($0 as? HeadwaterError)?.code == .unimplemented }
    }

    @Test func yamlWordsThatLookLikeOtherTypesAreNames() throws {
        let text = group("description: 12", features: "- {name: no, type: bool, tags: {year: 2013, on: true}}")
        let group = try load(text).definitions.featureGroups[0]
        #expect(group.description == "12")
        #expect(group.features[0].name == "no" && group.features[0].tags == ["year": "2013", "on": "true"])
    }

    @Test func anchorsAndUnicodeNamesAreRead() throws {
        let text = """
            project: p
            entities: [{name: größe, keys: &k []}, {name: f, keys: *k}]
            """
        #expect(try load(text).definitions.entities.map(\.name) == ["größe", "f"])
    }

    @Test func boundsOfTimestampsAreTimes() throws {
        let text = group("event_time: at", features: "- {name: born, type: timestamp, checks: {min: 1970-01-02}}")
        #expect(try load(text).definitions.featureGroups[0].features[0].checks?.min == .whole(86_400_000_000))
    }

    @Test func severalFilesAreReadAsOne() throws {
        let parts = flightsYAML.split(separator: "feature_groups:")
        let file = try DefinitionsFile.load([(String(parts[0]), "a.yaml"), ("feature_groups:" + parts[1], "b.yaml")])
        #expect(file.definitions == (try load(flightsYAML).definitions))
        #expect(file.sources.mark(of: "feature_groups[weather].max_age") == SourceMark(file: "b.yaml", line: 6, column: 14))
        #expect(file.sources.mark(of: "entities[airport]")?.file == "a.yaml")
    }

    @Test func definitionsBuiltInCodeAreCheckedToo() {
        let definitions = Definitions(project: "p", entities: [EntityDefinition(name: "a@b", keys: [])])
        #expect(
            message { try definitions.validate() }
                == "entities[a@b].name: bad name 'a@b': '@' is not allowed; use letters, digits, '_', '-', '.'")
    }

    @Test(arguments: ["g", "g:", ":f", "g:f:x", "g@:f", "g@0:f", "g@x:f", "g@1@2:f", "g h:f", "g:f*", "g@+1:f"])
    func badReferencesAreRefused(text: String) {
        #expect(throws: HeadwaterError.self) { try FeatureReference.parse(text) }
    }
}
