import Catalog
import FeatureModel
import TestSupport
import Testing

@Suite struct DatasetTests {
    private static let hashes = ["0", "1", "2", "3", "4", "5"].map { String(repeating: $0, count: 64) }

    /// Two features of the example's service, read at position 1.
    private static func dataset(_ change: (inout DatasetDefinition) -> Void = { _ in }) -> DatasetDefinition {
        typealias Table = DatasetDefinition.Table
        var dataset = DatasetDefinition(
            name: "june", query: DatasetDefinition.Query(.features(["weather:temp"]), asOf: 1, spineTime: "t"), rows: 10,
            spine: Table(
                columns: [
                    Table.Column(name: "origin", type: .string, hash: hashes[0]),
                    Table.Column(name: "t", type: .timestamp, hash: hashes[1]),
                ], hash: hashes[2]),
            features: Table(columns: [Table.Column(name: "temp", type: .float64, hash: hashes[3])], hash: hashes[4]))
        change(&dataset)
        return dataset
    }

    private static let full = dataset {
        $0.description = "June"
        $0.owner = "ops@example.com"
        $0.tags = ["tier": "gold"]
        $0.query.availabilityIngest = true
        $0.split = DatasetDefinition.Split(
            by: "key", seed: 7,
            parts: [
                DatasetDefinition.Split.Part(name: "train", share: 0.8, rows: 8),
                DatasetDefinition.Split.Part(name: "test", share: 0.2, rows: 2),
            ])
        $0.source = "/data/spine.csv"
        $0.created = 1_770_000_000_000_000
    }

    private func plan(_ dataset: DatasetDefinition, _ catalog: Catalog) throws -> Plan {
        try catalog.plan(Definitions(project: "flights", datasets: [dataset]))
    }

    private func saved(_ dataset: DatasetDefinition = full) throws -> Catalog {
        var catalog = try flights()
        catalog.apply(try plan(dataset, catalog).approved(), position: 2)
        return catalog
    }

    @Test func itIsSavedAndFoundFieldForField() throws {
        let catalog = try saved()
        #expect(try catalog.dataset(project: "flights", name: "june") == Self.full)
        #expect(catalog.datasets(in: "flights") == [Self.full] && catalog.datasets(in: "other").isEmpty)
        let listing = catalog.listing(of: "flights")
        #expect(listing.datasets.map(\.name) == ["june"] && listing.datasets[0].hash == Self.hashes[4])
        #expect(try CatalogListing.decode(json: listing.encodeJSON()[...]) == listing)
        let described = try catalog.description(project: "flights", of: "june")
        #expect(described.datasets == [Self.full])
        #expect(try CatalogDescription.decode(json: described.encodeJSON()[...]) == described)
        #expect(catalog.asOf(1).datasets(in: "flights").isEmpty)
        #expect(message { _ = try catalog.dataset(project: "flights", name: "jun") }.contains("june"))
    }

    @Test func itTravelsAsDefinitionsAndAsARecord() throws {
        for dataset in [
            Self.full, Self.dataset(),
            Self.dataset {
                $0.query.fullFeatureNames = true
                $0.features.columns[0].name = "weather__temp"
            },
        ] {
            let definitions = Definitions(project: "flights", datasets: [dataset])
            let text = String(decoding: definitions.encodeJSON(), as: UTF8.self)
            #expect(try load(text).definitions == definitions)
            let changes = try plan(dataset, flights()).approved()
            #expect(try CatalogRecordBody.decode(CatalogRecordBody.encode(changes)[...]) == changes)
        }
    }

    @Test func theRecordBodyHasThisForm() throws {
        let zeros = Self.hashes
        let changes = try plan(Self.full, flights()).approved()
        #expect(
            String(decoding: CatalogRecordBody.encode(changes), as: UTF8.self)
                == #"{"changes":[{"dataset":{"created":1770000000000000,"description":"June","#
                + #""features":{"columns":[{"hash":"\#(zeros[3])","name":"temp","type":"float64"}],"hash":"\#(zeros[4])"},"#
                + #""name":"june","owner":"ops@example.com","query":{"as_of":1,"availability":"ingest","features":["weather:temp"],"#
                + #""spine_time":"t"},"rows":10,"source":"/data/spine.csv","#
                + #""spine":{"columns":[{"hash":"\#(zeros[0])","name":"origin","type":"string"},"#
                + #"{"hash":"\#(zeros[1])","name":"t","type":"timestamp"}],"hash":"\#(zeros[2])"},"#
                + #""split":{"by":"key","parts":[{"name":"train","rows":8,"share":0.8},{"name":"test","rows":2,"share":0.2}],"seed":7},"#
                + #""tags":{"tier":"gold"}},"kind":"dataset","project":"flights"}],"format":1}"#)
    }

    @Test func theSameAgainChangesNothing() throws {
        let catalog = try saved()
        let again = Self.dataset {
            $0 = Self.full
            ($0.source, $0.created) = ("/elsewhere", 5)
            // As the command saves it: without the words that somebody gave it since.
            ($0.description, $0.owner, $0.tags) = (nil, nil, [:])
        }
        #expect(try plan(again, catalog).approved().isEmpty)
    }

    @Test func wordsAboutItMayChangeAndItsRowsMayNot() throws {
        var catalog = try saved()
        var words = Self.full
        words.description = "June, all airports"
        words.created = nil
        catalog.apply(try plan(words, catalog).approved(), position: 3)
        let now = try catalog.dataset(project: "flights", name: "june")
        #expect(now.description == "June, all airports" && now.created == Self.full.created)
        let others: [(inout DatasetDefinition) -> Void] = [
            { $0.features.hash = Self.hashes[5] }, { $0.spine.columns[0].hash = Self.hashes[5] },
            { $0.split = nil }, { $0.query.availabilityIngest = false },
            {
                $0.rows = 11
                $0.split!.parts[0].rows = 9
            },
        ]
        for change in others {
            var other = Self.full
            change(&other)
            let plan = try plan(other, catalog)
            #expect { try plan.approved() } throws: { error in
                let error = error as? HeadwaterError
                return error?.code == .failedPrecondition && error?.message.contains("give this one another name") ?? false
            }
        }
    }

    @Test func aQueryThatCannotGiveItIsRefused() throws {
        let catalog = try flights()
        let wrong: [(String, (inout DatasetDefinition) -> Void)] = [
            ("no feature 'tmp'", { $0.query.selection = .features(["weather:tmp"]) }),
            ("no feature service 'delay'", { $0.query.selection = .service("delay") }),
            ("nothing", { $0.query.asOf = 0 }),
            ("features.columns: not those", { $0.features.columns[0].type = .float32 }),
            ("features.columns: not those", { $0.query.fullFeatureNames = true }),
            ("spine.columns: not the keys and the time", { $0.spine.columns.removeFirst() }),
            ("spine.columns: not the keys and the time", { $0.query.spineTime = "event_time" }),
        ]
        for (reason, change) in wrong {
            let text = message { _ = try plan(Self.dataset(change), catalog) }
            #expect(text.contains("datasets[june]") && (reason == "nothing" || text.contains(reason)), "\(text)")
        }
    }

    /// What a server is sent may be anything.
    @Test func badFieldsAreNamed() throws {
        func problem(_ old: String, _ new: String) throws -> String {
            let text = String(decoding: Definitions(project: "flights", datasets: [Self.full]).encodeJSON(), as: UTF8.self)
            #expect(text.contains(old), "\(old) is not in \(text)")
            return message { _ = try load(text.replacing(old, with: new)).definitions }
        }
        for (old, new, reason) in [
            (#""name":"june""#, #""name":"ju ne""#, "datasets[ju ne].name"),
            (#""rows":10"#, #""rows":-10"#, "datasets[june].rows: expected a whole number from 0"),
            (#""rows":10"#, #""rows":11"#, "they have 10 rows together, and the dataset 11"),
            (#""as_of":1,"#, "", "as_of"), (#""as_of":1,"#, #""as_of":-1,"#, "as_of: expected a whole number from 0"),
            (#""availability":"ingest""#, #""availability":"later""#, "'later' is neither event nor ingest"),
            (#""features":["weather:temp"]"#, #""service":"a","features":["weather:temp"]"#, "give either service or features"),
            (#""by":"key""#, #""by":"row""#, "'row' is neither key nor time"),
            (#""share":0.8"#, #""share":1.8"#, "1.8 is not above 0 and at most 1"),
            (#""share":0.8"#, #""share":0.7"#, "and not 1"), (#","share":0.2"#, "", "share"),
            (#""by":"key""#, #""by":"time""#, "a split by time has none"),
            (#""rows":8"#, #""rows":9223372036854775807"#, "rows together, and the dataset 10"),
            (#",{"name":"test","rows":2,"share":0.2}"#, "", "1 parts: there are 2 to 64"),
            (#""spine_time":"t""#, #""spine_time":"\#(String(repeating: "t", count: 300))""#, "a column's name is longer than"),
            (#""name":"train""#, #""name":"test""#, "part 'test' is defined twice"),
            (#""type":"float64""#, #""type":"float63""#, "float63"), (#""tags""#, #""tag""#, "tag"),
            (Self.hashes[4], "44", "datasets[june].features.hash: expected 64 hexadecimal digits"),
            (Self.hashes[2], Self.hashes[2].replacing("2", with: "A"), "spine.hash: expected 64 hexadecimal digits"),
        ] {
            let text = try problem(old, new)
            #expect(text.contains(reason), "\(new): \(text)")
        }
        let twice = Definitions(project: "flights", datasets: [Self.full, Self.full])
        #expect(message { _ = try flights().plan(twice) }.contains("defined twice"))
    }
}
