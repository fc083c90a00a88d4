import FeatureModel
import Foundation
import Testing

@testable import Catalog

/// What follows from the declaration of a plain field alone: a field that is declared tomorrow is tested by what stands here.
@Suite struct DefinitionFieldTests {
    private let entity = EntityDefinition(name: "e", keys: [KeyDefinition(name: "id", type: .int64)])
    private let group = GroupDefinition(
        name: "g", entity: "e", eventTime: "at", features: [FeatureDefinition(name: "x", type: .float64)])
    private let service = ServiceDefinition(name: "s", features: ["g:x"])
    private let dataset = DatasetDefinition(
        name: "d", query: DatasetDefinition.Query(.service("s"), asOf: 1, spineTime: "t"), rows: 0,
        spine: DatasetDefinition.Table(columns: [], hash: ""), features: DatasetDefinition.Table(columns: [], hash: ""))

    /// A value that a user may have written for a field, of whichever kind it is.
    private func filled<Thing: Definition>(_ field: DefinitionField<Thing>, of thing: Thing) -> Thing {
        let text = SourceNode(content: .text("3h"), mark: nil)
        for content in [text.content, .fields([SourceField(name: "key", mark: nil, value: text)])] {
            let (context, value) = (ReadContext(), SourceNode(content: content, mark: nil))
            let node = SourceNode(content: .fields([SourceField(name: field.name, mark: nil, value: value)]), mark: nil)
            guard let reader = FieldReader(node, of: Thing.self, path: "it", context: context) else { break }
            var filled = thing
            field.read(reader, &filled)
            if context.problems.isEmpty { return filled }
        }
        Issue.record("no value was found for the field \(field.name)")
        return thing
    }

    private func json(_ value: some Encodable) throws -> String { String(decoding: CanonicalJSON.encode(value), as: UTF8.self) }

    /// Reads, writes, describes and searches each plain field of a thing.
    private func checkEachField<Thing: Definition & Codable & Equatable>(of bare: Thing) throws {
        for field in Thing.fields {
            #expect(field.spelt(bare) == nil && field.shown(bare) == nil)
            #expect(try !json(bare).contains("\"\(field.name)\""))
            let given = filled(field, of: bare)
            #expect(given != bare && field.difference(bare, given)?.contains("3h") == true)
            #expect(try json(given).contains("\"\(field.name)\":"))
            #expect(
                try CanonicalJSON.decode(Thing.self, from: CanonicalJSON.encode(given)[...], orElse: .internal, what: "") == given
            )
            #expect(given.shown([field]).map(\.label) == [field.label] && given.shown([field])[0].text?.contains("3h") == true)
            var newer = bare
            field.inherit(given, &newer)
            #expect(newer == given)
            for alias in field.aliases {
                let node = SourceNode(
                    content: .fields([SourceField(name: alias, mark: nil, value: SourceNode(content: .text("3h"), mark: nil))]),
                    mark: nil)
                let reader = try #require(FieldReader(node, of: Thing.self, path: "it", context: ReadContext()))
                var read = bare
                reader.read(into: &read)
                #expect(read == given)
            }
        }
        for field in Thing.words { #expect(!field.places(filled(field, of: bare)) { $0.contains("3h") }.isEmpty) }
    }

    @Test func whatIsDeclaredOnceIsReadWrittenDescribedAndSearched() throws {
        try checkEachField(of: entity)
        try checkEachField(of: entity.keys[0])
        try checkEachField(of: group)
        try checkEachField(of: group.features[0])
        try checkEachField(of: service)
        try checkEachField(of: dataset)
    }

    /// Plans a change of one field, and takes it in through the log's record.
    private func planChange(_ definitions: Definitions, in catalog: inout Catalog) throws -> [String] {
        var planner = Planner(catalog: catalog, definitions: definitions)
        let plan = try planner.plan()
        catalog.apply(try CatalogRecordBody.decode(CatalogRecordBody.encode(plan.changes)[...]), position: catalog.position + 1)
        return plan.items.flatMap(\.details)
    }

    @Test func whatIsDeclaredOnceIsToldByPlansAndKeptByTheLog() throws {
        let bare = Definitions(project: "p", entities: [entity], featureGroups: [group], featureServices: [service])
        func check<Thing: Definition>(
            _ place: WritableKeyPath<Definitions, Thing>, _ part: String, toldAs name: (DefinitionField<Thing>) -> String
        ) throws {
            for field in Thing.fields {
                var given = bare
                given[keyPath: place] = filled(field, of: bare[keyPath: place])
                var catalog = Catalog()
                let new = try planChange(given, in: &catalog)
                #expect(
                    new.contains { $0.contains("\(field.name)") && $0.contains("3h") } == field.isToldOfNew,
                    "\(part) \(field.name)")
                catalog = Catalog()
                _ = try planChange(bare, in: &catalog)
                let changed = try planChange(given, in: &catalog)
                #expect(changed.contains { $0.hasPrefix(name(field)) }, "\(part) \(field.name): \(changed)")
                let again = try Catalog(decodingHistory: catalog.encodeHistory()[...])
                #expect(again == catalog)
                #expect(try planChange(given, in: &catalog).isEmpty)
            }
        }
        try check(\.entities[0], "entity") { "~ \($0.name): " }
        try check(\.entities[0].keys[0], "key") { _ in "~ descriptions of keys" }
        try check(\.featureGroups[0], "group") { "~ \($0.name): " }
        try check(\.featureGroups[0].features[0], "feature") { "~ feature x: \($0.name): " }
        try check(\.featureServices[0], "service") { "~ \($0.name): " }
    }

    @Test func everyStoredPropertyOfADefinitionIsAField() throws {
        func check<Thing: Definition>(_ thing: Thing) {
            let properties = Mirror(reflecting: thing).children.compactMap(\.label)
            #expect(properties.count == Thing.fieldNames.count, "\(properties) are not \(Thing.fieldNames)")
            #expect(Set(Thing.fieldNames).count == Thing.fieldNames.count)
        }
        check(entity)
        check(entity.keys[0])
        check(group)
        check(group.features[0])
        check(service)
        check(dataset)
    }

    @Test func everyFieldOfADefinitionStandsInItsFormat() throws {
        let docs = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/formats")
        func check<Thing: Definition>(_ thing: Thing.Type, _ page: String) throws {
            let text = try String(contentsOf: docs.appending(path: page), encoding: .utf8)
            // Parts of lists have theirs in one place.
            if text.contains("`{\(Thing.fieldNames.joined(separator: ", "))}`") { return }
            let aliases = Thing.fields.flatMap(\.aliases) + Thing.shapeAliases.keys
            for name in Thing.fieldNames + aliases { #expect(text.contains("`\(name)`"), "\(page) has no field \(name)") }
        }
        try check(EntityDefinition.self, "definitions.md")
        try check(KeyDefinition.self, "definitions.md")
        try check(GroupDefinition.self, "definitions.md")
        try check(FeatureDefinition.self, "definitions.md")
        try check(ServiceDefinition.self, "definitions.md")
        try check(DatasetDefinition.self, "dataset.md")
    }
}
