import Catalog
import FeatureModel
import Testing

/// A text, and the exact lines of its refusal.
struct BadCase: Sendable, CustomTestStringConvertible {
    let text: String
    let lines: [String]

    init(_ text: String, _ lines: String...) {
        self.text = text
        self.lines = lines
    }

    var testDescription: String { lines.first ?? "" }
}

let g = "feature_groups[g]"
let t = "feature_groups[g].features[temp]"
let timed = "event_time: at"

let badCases: [BadCase] = [
    // The text itself.
    BadCase(
        "project: [",
        "features.yaml:2:1: not YAML: did not find expected node content (while parsing a flow node, line "
            + "2)"),
    BadCase("project: p\nproject: q", "features.yaml:1:1: 'project' is given twice"),
    BadCase(
        "- a",
        "features.yaml:1:1: expected fields (format, project, entities, feature_groups, feature_services, datasets), not a list",
        "features.yaml:1:1: project: missing: write 'project: NAME' in the file, or give --project NAME"),
    BadCase("entities: []", "features.yaml:1:1: project: missing: write 'project: NAME' in the file, or give --project NAME"),
    BadCase(
        "project: p\nfeature_group: []",
        "features.yaml:2:1: unknown field 'feature_group': did you mean "
            + "'feature_groups'?"),
    BadCase(
        "project: a:b", "features.yaml:1:10: project: bad name 'a:b': ':' is not allowed; use letters, digits, '_', '-', '.'"),
    BadCase("project: p\nentities: 7", "features.yaml:2:11: entities: expected a list, not '7'"),
    // Entities.
    BadCase(
        "project: p\nentities:\n  - {name: e}",
        "features.yaml:3:5: entities[e].keys: missing: write keys: [{name: NAME, type: TYPE}], or keys: [] for a global "
            + "entity"),
    BadCase("project: p\nentities:\n  - {keys: []}", "features.yaml:3:5: entities[0].name: missing: give the entity a name"),
    BadCase(
        "project: p\nentities:\n  - {name: e, keys: [{name: ok, type: bool}]}",
        "features.yaml:3:39: entities[e].keys[ok].type: bool cannot be a key: use int32, int64, string, bytes or timestamp"),
    BadCase(
        "project: p\nentities:\n  - {name: e, keys: [{name: k, type: float64}]}",
        "features.yaml:3:38: entities[e].keys[k].type: float64 cannot be a key: use int32, int64, string, bytes or timestamp"),
    BadCase(
        "project: p\nentities:\n  - {name: e, keys: [{name: k, type: array(int64)}]}",
        "features.yaml:3:38: entities[e].keys[k].type: array(int64) cannot be a key: use int32, int64, string, bytes or "
            + "timestamp"
    ),
    BadCase(
        "project: p\nentities:\n  - {name: e, keys: [{name: k, type: int32}, {name: k, type: int32}]}",
        "features.yaml:3:53: entities[e].keys[k].name: key 'k' is defined twice"),
    BadCase(
        "project: p\nentities:\n  - {name: e, keys: []}\n  - {name: e, keys: []}",
        "features.yaml:4:12: entities[e].name: entity 'e' is defined twice"),
    BadCase(
        "project: p\nentities:\n  - {name: e, keys: [], join_keys: []}",
        "features.yaml:3:25: entities[e]: 'join_keys' is the same as 'keys': give one of them"),
    BadCase(
        "project: p\nentities:\n  - {name: e, keys: [{name: row, type: int64}]}",
        "features.yaml:3:29: entities[e].keys[row].name: 'row' is the name of a column that a scan adds: call it otherwise"),
    // Groups.
    BadCase(group("max_ag: 3h"), "features.yaml:7:5: \(g): unknown field 'max_ag': did you mean 'max_age'?"),
    BadCase(
        group("colour: red"),
        "features.yaml:7:5: \(g): unknown field 'colour': there are name, version, entity, event_time, available_time, "
            + "max_age, retention, ahead, description, owner, tags, renamed_from, …"
    ),
    BadCase(group("version: 0"), "features.yaml:7:14: feature_groups[g@0].version: expected a whole number from 1, not '0'"),
    BadCase(
        group("version: \"2\""),
        "features.yaml:7:14: feature_groups[g@2].version: expected a whole number from 1, not the text '2'"),
    BadCase(
        group("\(timed)\n    max_age: 3 hours"),
        "features.yaml:8:14: \(g).max_age: bad duration '3 hours': write a whole number above zero and a unit, such as 90s, "
            + "15m, 3h, 400d"
    ),
    BadCase(
        group("\(timed)\n    retention: 400"),
        "features.yaml:8:16: \(g).retention: bad duration '400': write a whole number above zero and a unit, such as 90s, "
            + "15m, 3h, 400d"
    ),
    BadCase(
        group("max_age: 3h"),
        "features.yaml:7:14: \(g).max_age: a static table has no event time to measure from: leave it out, or give event_time"),
    BadCase(
        group("event_time: none\n    retention: 3d"),
        "features.yaml:8:16: \(g).retention: a static table has no event time to measure from: leave it out, or give "
            + "event_time"),
    BadCase(
        group("event_time: id"),
        "features.yaml:7:17: \(g).event_time: 'id' is also a key of entity 'e': columns of a group have different names"),
    BadCase(
        group("event_time: temp"),
        "features.yaml:9:16: \(t).name: 'temp' is also the event time column: columns of a group have different names"),
    BadCase(
        group("event_time: at\n    available_time: at"),
        "features.yaml:8:21: \(g).available_time: 'at' is also the event time column: columns of a group have different names"),
    BadCase(
        group("event_time: position"),
        "features.yaml:7:17: \(g).event_time: 'position' is the name of a column that a scan adds: call it otherwise"),
    BadCase(
        group(timed, features: "- {name: id, type: int32}"),
        "features.yaml:9:16: \(g).features[id].name: 'id' is also a key of entity 'e': columns of a group have different "
            + "names"),
    BadCase(group(timed, features: "[]"), "features.yaml:9:7: \(g).features: 0 of them; a group has 1 to 4096"),
    BadCase(
        "project: p\nfeature_groups:\n  - {name: g, features: [{name: a, type: bool}]}",
        "features.yaml:3:5: \(g).entity: missing: name the entity whose keys this group has"),
    // Features and their checks.
    BadCase(
        group(timed, features: "- {name: temp, type: float}"),
        "features.yaml:9:28: \(t).type: unknown type 'float': use bool, int32, int64, float32, float64, string, bytes, "
            + "timestamp, array(T) or vector(n)"
    ),
    BadCase(
        group(timed, features: "- {name: temp}"),
        "features.yaml:9:9: \(t).type: missing: write a type, such as float64 or "
            + "string"
    ),
    BadCase(
        group(timed, features: "- {name: a b, type: bool}"),
        "features.yaml:9:16: \(g).features[a b].name: bad name 'a b': a space is not allowed; use letters, digits, '_', "
            + "'-', '.'"),
    BadCase(
        group(timed, features: "- {name: -a, type: bool}"),
        "features.yaml:9:16: \(g).features[-a].name: bad name '-a': the first character is a letter, a digit or '_'"),
    BadCase(
        group(timed, features: "- {name: event_time, type: bool}"),
        "features.yaml:9:16: \(g).features[event_time].name: 'event_time' is the name of a column that a scan adds: call it "
            + "otherwise"
    ),
    BadCase(
        group(timed, features: "- {name: a__status, type: bool}"),
        "features.yaml:9:16: \(g).features[a__status].name: bad name 'a__status': '__status' is the ending of status columns"),
    BadCase(
        group(timed, features: "- {name: caf\u{65}\u{301}, type: bool}"),
        "features.yaml:9:16: \(g).features[caf\u{65}\u{301}].name: bad name 'caf\u{65}\u{301}': write it in composed form "
            + "(Unicode NFC)"
    ),
    BadCase(
        group(timed, features: "- {name: \(String(repeating: "x", count: 129)), type: bool}"),
        "features.yaml:9:16: \(g).features[\(String(repeating: "x", count: 129))].name: a name of 129 bytes: the limit is 128"),
    BadCase(
        group(timed, features: "- {name: a, type: bool}\n      - {name: a, type: bool}"),
        "features.yaml:10:16: \(g).features[a].name: feature 'a' is defined twice"),
    BadCase(
        group(timed, features: "- {name: temp, type: string, checks: {min: 0}}"),
        "features.yaml:9:50: \(t).checks.min: not for string: it is for int32, int64, float32, float64 and timestamp"),
    BadCase(
        group(timed, features: "- {name: temp, type: int32, checks: {min: 3, max: 1}}"),
        "features.yaml:9:49: \(t).checks.min: min 3 is above max 1"),
    BadCase(
        group(timed, features: "- {name: temp, type: int32, checks: {max: hot}}"),
        "features.yaml:9:49: \(t).checks.max: expected a number, not 'hot'"),
    BadCase(
        group(timed, features: "- {name: temp, type: timestamp, checks: {min: soon}}"),
        "features.yaml:9:53: \(t).checks.min: expected a time (RFC 3339 or whole microseconds), not 'soon'"),
    BadCase(
        group(timed, features: "- {name: temp, type: int32, checks: {one_of: [a]}}"),
        "features.yaml:9:52: \(t).checks.one_of: not for int32: it is for string"),
    BadCase(
        group(timed, features: "- {name: temp, type: bool, checks: {max_length: 3}}"),
        "features.yaml:9:55: \(t).checks.max_length: not for bool: it is for string, bytes and array(T)"),
    BadCase(
        group(timed, features: "- {name: temp, type: bool, checks: {not_null: maybe}}"),
        "features.yaml:9:53: \(t).checks.not_null: expected true or false, not 'maybe'"),
    // Services.
    BadCase(
        "project: p\nfeature_services:\n  - {name: s, features: [temp]}",
        "features.yaml:3:26: feature_services[s].features[0]: 'temp' is no feature: write GROUP:FEATURE, "
            + "GROUP@VERSION:FEATURE or GROUP:*, such as weather:temp"
    ),
    BadCase(
        "project: p\nfeature_services:\n  - {name: s, features: [{feature: \"g:*\", as: x}]}",
        "features.yaml:3:47: feature_services[s].features[0].as: 'g:*' names several features: give an alias to each by "
            + "itself"),
    BadCase(
        "project: p\nfeature_services:\n  - {name: s, features: []}",
        "features.yaml:3:25: feature_services[s].features: 0 of them; a service has 1 to 4096"),
    BadCase(
        "project: p\nfeature_services:\n  - {name: s, features: [{as: x}]}",
        "features.yaml:3:26: feature_services[s].features[0].feature: missing: write feature: \"GROUP:FEATURE\", "
            + "or name: NAME and expr: EXPRESSION"),
    // Several at once, in the order of the text.
    BadCase(
        group("\(timed)\n    max_age: x\n    colour: red", features: "- {name: temp, type: float}"),
        "features.yaml:8:14: \(g).max_age: bad duration 'x': write a whole number above zero and a unit, such as 90s, 15m, "
            + "3h, 400d",
        "features.yaml:9:5: \(g): unknown field 'colour': there are name, version, entity, event_time, available_time, "
            + "max_age, retention, ahead, description, owner, tags, renamed_from, …",
        "features.yaml:11:28: \(t).type: unknown type 'float': use bool, int32, int64, float32, float64, string, bytes, "
            + "timestamp, array(T) or vector(n)"
    ),
]

@Suite struct BadDefinitionsTests {
    @Test(arguments: badCases)
    func badDefinitionsAreRefusedWithLineAndPath(bad: BadCase) {
        #expect(message { _ = try load(bad.text) } == bad.lines.joined(separator: "\n"))
    }

    @Test func atMostTwentyProblemsAreListed() {
        let entities = (0..<25).map { "  - {name: e\($0), keys: [{name: k, type: bool}]}" }.joined(separator: "\n")
        let lines = message { _ = try load("project: p\nentities:\n\(entities)") }.split(separator: "\n")
        #expect(lines.count == 21)
        #expect(lines.last == "and 5 more")
    }

    @Test func deepAndSelfMultiplyingTextsAreRefused() {
        let nested = "project: " + String(repeating: "[", count: 100_000)
        #expect(message { _ = try load(nested) }.hasPrefix("features.yaml:1:"))
        let aliases = (1...12).map { "  - &a\($0) [\(Array(repeating: "*a\($0 - 1)", count: 10).joined(separator: ", "))]" }
        let laughs = "project: p\nentities:\n  - &a0 x\n" + aliases.joined(separator: "\n")
        #expect(message { _ = try load(laughs) }.hasPrefix("features.yaml: more than 1000000 values"))
        let json = Array((String(repeating: "[", count: 100_000)).utf8)
        #expect(throws: HeadwaterError.self) { try Definitions.decode(json: json[...]) }
    }

    @Test func problemsOfJSONNameThePathAlone() {
        let json = #"{"project":"p","entities":[{"name":"e","keys":[{"name":"k","type":"float"}],"colour":1}]}"#
        let text = message { _ = try Definitions.decode(json: Array(json.utf8)[...]) }
        #expect(
            text.split(separator: "\n").map { $0.prefix(60) } == [
                "entities[e]: unknown field 'colour': there are name, keys, d",
                "entities[e].keys[k].type: unknown type 'float': use bool, in",
            ])
        #expect(message { _ = try Definitions.decode(json: Array("{".utf8)[...]) }.hasPrefix("definitions: not JSON"))
    }

    @Test(arguments: [
        (#"{"project":"p","project":"p"}"#, "project"), (#"{"project":"p","entities":[],"entities":[]}"#, "entities"),
        (#"{"project":"a\"}{b","entities":[{"name":"e","keys":[]},{"name":"f","keys":[],"name":"g"}]}"#, "entities[1].name"),
        (#"{"entities":[{"name":"e","labels":{"a":"1","\u0061":"2"}}]}"#, "entities[0].labels.a"),
    ])
    func aMemberThatIsGivenTwiceIsRefused(json: String, path: String) {
        let text = message { _ = try Definitions.decode(json: Array(json.utf8)[...], project: "p") }
        #expect(text == "definitions: '\(path)' is given twice")
    }

    @Test func theSameNameInTwoObjectsIsNoneGivenTwice() throws {
        let json = #"{"project":"p","entities":[{"name":"e","keys":[{"name":"name","type":"string"}]},{"name":"f","keys":[]}]}"#
        #expect(try Definitions.decode(json: Array(json.utf8)[...]).entities.count == 2)
    }

    @Test func filesOfTwoProjectsAreRefused() {
        let text = message {
            _ = try DefinitionsFile.load([("project: a", "a.yaml"), ("entities: []\nproject: b", "b.yaml")])
        }
        #expect(text == "b.yaml:2:10: project: 'b' here, 'a' before: apply one project at a time")
        #expect(
            message { _ = try load("project: a", project: "b") }.hasSuffix("'a' here, 'b' before: apply one project at a time"))
    }

    @Test func aNameDefinedInTwoFilesIsRefusedInTheSecond() {
        let text = "entities:\n  - {name: e, keys: []}"
        #expect(
            message { _ = try DefinitionsFile.load([(text, "a.yaml"), (text, "b.yaml")], project: "p") }
                == "b.yaml:2:12: entities[e].name: entity 'e' is defined twice")
    }

    @Test func referencesToNothingGetTheirLineFromTheSourceMap() throws {
        let file = try load(
            flightsYAML.replacing("entity: airport", with: "entity: airprt").replacing("weather@1:visib", with: "aircraft@1:seat")
        )
        do {
            _ = try Catalog().plan(file.definitions)
            Issue.record("a plan with unknown references")
        } catch {
            #expect(error.code == .invalidArgument)
            #expect(
                file.sources.placed(error).message.split(separator: "\n").map(String.init) == [
                    "features.yaml:8:13: feature_groups[weather].entity: no entity 'airprt': did you mean 'airport'?",
                    "features.yaml:27:16: feature_services[departure_delay].features[0]: no feature group 'weather' in "
                        + "project 'flights': there are aircraft",
                    "features.yaml:27:32: feature_services[departure_delay].features[1]: no feature 'seat' in group "
                        + "aircraft@1: did you mean 'seats'?",
                    "features.yaml:27:51: feature_services[departure_delay].features[2]: no feature group 'weather' in "
                        + "project 'flights': there are aircraft",
                ])
        }
    }
}
