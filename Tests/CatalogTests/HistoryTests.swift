import Catalog
import FeatureModel
import TestSupport
import Testing

@Suite struct HistoryTests {
    @Test func asOfGivesTheDefinitionsOfThen() throws {
        var catalog = Catalog()
        catalog.apply(try catalog.plan(load(flightsYAML).definitions).approved(), position: 10)
        let first = catalog
        let wider = flightsYAML.replacing("max_age: 3h", with: "max_age: 6h").replacing(
            "- {name: temp,", with: "- {name: gust, type: float32}\n      - {name: temp,")
        catalog.apply(try catalog.plan(load(wider).definitions).approved(), position: 20)
        #expect(catalog.asOf(9) == Catalog())
        #expect(catalog.asOf(10) == first && catalog.asOf(19) == first)
        #expect(catalog.asOf(20) == catalog && catalog.asOf(.max) == catalog)
        #expect(catalog.asOf(19).group(id: 1)?.maxAgeMicroseconds == TimeSpan("3h")?.microseconds)
        #expect(catalog.history.map(\.position) == [10, 20] && catalog.position == 20)
    }

    @Test func theRecordBodyRoundTrips() throws {
        let changes = try Catalog().plan(load(flightsYAML).definitions).approved()
        let bytes = CatalogRecordBody.encode(changes)
        #expect(try CatalogRecordBody.decode(bytes[...]) == changes)
        #expect(try CatalogRecordBody.encode(CatalogRecordBody.decode(bytes[...])) == bytes)
    }

    @Test func theRecordBodyHasThisForm() throws {
        let text =
            "project: p\nentities: [{name: e, keys: []}]\nfeature_groups: [{name: g, entity: e, features: [{name: x, type: "
            + "bool}]}]\n"
            + "feature_services: [{name: s, features: [\"g:x\"]}]"
        let changes = try Catalog().plan(load(text).definitions).approved()
        #expect(
            String(decoding: CatalogRecordBody.encode(changes), as: UTF8.self)
                == #"{"changes":[{"entity":{"keys":[],"name":"e"},"kind":"entity","project":"p"},"#
                + #"{"group":{"entity":"e","features":[{"name":"x","type":"bool"}],"name":"g","version":1},"id":1,"#
                + #""keys":[],"kind":"group","#
                + #""project":"p","schema_version":1},"#
                + #"{"kind":"promotion","name":"g","project":"p","version":1,"what":"group"},"#
                + #"{"kind":"service","pins":[{"feature":"x","group":1,"group_version":1,"ordinal":0}],"project":"p","#
                + #""service":{"features":["g:x"],"name":"s","version":1}},"#
                + #"{"kind":"promotion","name":"s","project":"p","version":1,"what":"service"}],"format":1}"#)
    }

    @Test(arguments: [
        ("", StatusCode.dataLoss), ("[]", .dataLoss), ("{}", .dataLoss), (#"{"format":1}"#, .dataLoss),
        (#"{"format":3,"changes":0}"#, .unimplemented), (#"{"format":1,"changes":[{"kind":"model"}]}"#, .unimplemented),
        (#"{"format":1,"changes":[{"kind":"entity","project":"p"}]}"#, .dataLoss),
        (
            #"{"format":1,"changes":[{"kind":"entity","project":"p","entity":{"name":"e","keys":[{"name":"k","type":""}]}}]}"#,
            .dataLoss
        ),
    ])
    func aDamagedRecordBodyIsRefused(text: String, code: StatusCode) {
        #expect { try CatalogRecordBody.decode(Array(text.utf8)[...]) } throws: { ($0 as? HeadwaterError)?.code == code }
    }

    @Test func aDamagedHistoryIsRefused() {
        let falling = #"{"format":1,"records":[{"changes":[],"position":2},{"changes":[],"position":2}]}"#
        #expect { try Catalog(decodingHistory: Array(falling.utf8)[...]) } throws: { ($0 as? HeadwaterError)?.code == .dataLoss }
        #expect(try! Catalog(decodingHistory: []) == Catalog())
    }

    /// Random definitions, applied one after the other: what the catalog holds equals the fold of its history at every
    /// position.
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func foldEqualsPlan(seed: UInt64) throws {
        print("seed \(seed)")
        var random = SplitMix64(seed: seed)
        var live = Catalog()
        var states: [(Position, Catalog)] = [(0, live)]
        var refused = 0
        for _ in 0..<150 {
            if random.below(4) == 0, let group = live.groups(in: "p").last {
                let version = VersionedName(group.name, version: UInt32(1 + random.below(3)))
                let promotion = Promotion(project: "p", .group, "\(version)", isForced: true)
                if let changes = try? live.plan(promotion, figures: [:]).approved(), !changes.isEmpty {
                    live.apply(changes, position: live.position + 1)
                    states.append((live.position, live))
                    #expect(live.group(project: "p", name: group.name)?.version == version.version)
                }
            }
            let definitions = randomDefinitions(&random)
            guard let plan = try? live.plan(definitions) else { continue }
            guard let changes = try? plan.approved() else {
                refused += 1
                continue
            }
            if changes.isEmpty { continue }
            let decoded = try CatalogRecordBody.decode(CatalogRecordBody.encode(changes)[...])
            #expect(decoded == changes)
            live.apply(decoded, position: live.position + 1 + UInt64(random.below(5)))
            states.append((live.position, live))
            // What was applied is what the definitions say: planning them again changes nothing.
            #expect(try live.plan(definitions).isEmpty)
        }
        #expect(states.count > 10 && refused > 0)
        let rebuilt = try Catalog(decodingHistory: live.encodeHistory()[...])
        #expect(rebuilt == live && rebuilt.encodeHistory() == live.encodeHistory())
        for (position, state) in states { #expect(rebuilt.asOf(position) == state) }
        for group in live.allGroups {
            #expect(group.schemas.map(\.schemaVersion) == Array(1...UInt32(group.schemas.count)))
            for (older, newer) in zip(group.schemas, group.schemas.dropFirst()) {
                for (a, b) in zip(older.columns, newer.columns) { #expect(a.name == b.name && a.type.widens(to: b.type)) }
                #expect(older.columnCount <= newer.columnCount)
            }
        }
        for service in live.services(in: "p") + live.services(in: "q") {
            for pin in service.pins {
                let schema = try #require(live.newestSchema(pin.group))
                #expect(schema.columns[pin.ordinal].name == pin.feature)
            }
        }
    }

    func randomDefinitions(_ random: inout SplitMix64) -> Definitions {
        var definitions = Definitions(project: random.pick(["p", "q"]))
        let keys = [KeyDefinition(name: "id", type: .int64), KeyDefinition(name: "code", type: .string)]
        for name in ["e", "f"] where random.below(3) > 0 {
            definitions.entities.append(EntityDefinition(name: name, keys: name == "e" ? [keys[0]] : keys))
        }
        var used: Set<String> = []
        for _ in 0..<random.below(3) {
            var features: [FeatureDefinition] = []
            for name in ["a", "b", "c", "d"] where random.below(2) == 0 {
                features.append(FeatureDefinition(name: name, type: random.pick([.int32, .int64, .float32, .float64])))
            }
            if features.isEmpty { features = [FeatureDefinition(name: "a", type: .int32)] }
            if random.below(2) == 0 { features.reverse() }
            var group = GroupDefinition(
                name: random.pick(["g", "h"]), version: UInt32(1 + random.below(3)), entity: random.pick(["e", "f"]),
                eventTime: "at", features: features)
            if random.below(2) == 0 { group.maxAge = TimeSpan("3h") }
            if used.insert(group.reference).inserted { definitions.featureGroups.append(group) }
        }
        if random.below(2) == 0 {
            let lines: [ServiceLine] = [
                "g:a", "h:*", .feature(ServiceFeature(try! .parse("g:b"), as: "other", keys: ["id": "id2"])), "g@2:c",
                .expression(ServiceExpression(name: "one", text: "1")),
            ]
            var service = ServiceDefinition(
                name: random.pick(["s", "t"]), version: UInt32(1 + random.below(3)),
                features: Array(lines.shuffled(&random).prefix(1 + random.below(3))))
            service.description = random.pick([nil, "x"])
            definitions.featureServices = [service]
        }
        return definitions
    }
}

extension Array {
    fileprivate func shuffled(_ random: inout SplitMix64) -> [Element] {
        var copy = self
        for index in copy.indices.reversed() { copy.swapAt(index, random.below(index + 1)) }
        return copy
    }
}
