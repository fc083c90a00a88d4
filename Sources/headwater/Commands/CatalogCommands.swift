import ArgumentParser
import Catalog
import Client
import FeatureModel
import Tables

struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the entities, feature groups, feature services and datasets of a project.",
        discussion: """
              headwater list
              headwater list --project flights --json
              headwater list --data ./store --project flights
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Without a server") var directory: DirectoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        let (listing, json) = try await directory.readDefinitions(connection) { catalog, project in
            let listing = catalog.listing(of: project)
            return (listing, listing.encodeJSON())
        } server: { client in
            let answer = try await client.list()
            return (answer.value, answer.json)
        }
        if connection.namedProject != nil, let others = listing.otherProjects {
            throw HeadwaterError(
                .notFound, "there is no project '\(listing.project)'; there are: \(others.joined(separator: ", "))")
        }
        if output.json {
            try Console.write(json + [UInt8(ascii: "\n")])
            return
        }
        var table = TextTable(["kind", "name", "version", "promoted", "description"], cellScalarsMax: 80)
        let kinds = [
            ("entity", listing.entities), ("feature group", listing.featureGroups), ("feature service", listing.featureServices),
        ]
        for (kind, entries) in kinds {
            for entry in entries {
                let promoted = entry.promoted == true ? "yes" : ""
                table.append([kind, entry.name, entry.version.map { "\($0)" } ?? "", promoted, text(entry)])
            }
        }
        for dataset in listing.datasets { table.append(["dataset", dataset.name, "", "", dataset.description ?? ""]) }
        if kinds.allSatisfy(\.1.isEmpty), listing.datasets.isEmpty {
            let others = listing.otherProjects.map {
                "; there are projects \($0.joined(separator: ", ")): name one with --project"
            }
            try Console.print(
                "project \(listing.project) has no definitions\(others ?? ": 'headwater apply FILE' brings them")")
        } else {
            try Console.write(table.text.utf8)
        }
    }
}

extension List {
    private func text(_ entry: CatalogListing.Entry) -> String {
        [entry.deprecated.map { "deprecated: \($0)" }, entry.description].compactMap { $0 }.joined(separator: "; ")
    }
}

struct Describe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Describe an entity, a feature group, a feature service or a dataset.",
        discussion: """
              headwater describe weather
              headwater describe weather@2
              headwater describe departure_delay --json
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Without a server") var directory: DirectoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @Argument(help: "NAME, or NAME@VERSION; without a version all versions.")
    var name: String

    func run() async throws {
        let (found, json) = try await directory.readDefinitions(connection) { catalog, project in
            let description = try catalog.description(project: project, of: name)
            return (description, description.encodeJSON())
        } server: { client in
            let answer = try await client.describe(name)
            return (answer.value, answer.json)
        }
        if output.json {
            try Console.write(json + [UInt8(ascii: "\n")])
            return
        }
        var parts: [String] = []
        parts += found.entities.map(DescriptionText.entity)
        parts += found.featureGroups.map(DescriptionText.group)
        parts += found.featureServices.map(DescriptionText.service)
        parts += found.datasets.map(DatasetText.text)
        try Console.write(parts.joined(separator: "\n").utf8)
    }
}

struct Projects: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the projects of the store.",
        discussion: """
              headwater projects
              headwater projects --data ./store --json
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Without a server") var directory: DirectoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        let names = try await directory.readDefinitions(connection) { catalog, _ in
            catalog.projectNames
        } server: {
            try await $0.projects()
        }
        if output.json { return try Console.printJSON(["projects": names]) }
        if names.isEmpty { return try Console.print("no project has definitions: 'headwater apply FILE' brings them") }
        for name in names { try Console.print(name) }
    }
}

struct Search: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Find what has a text in a name, a description, an owner or a tag; features of groups too.",
        discussion: """
            Without regard to case, within the project.

              headwater search delay
              headwater search weather --json
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Without a server") var directory: DirectoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @Argument(help: "The text.")
    var text: String

    func run() async throws {
        let found = try await directory.readDefinitions(connection) { catalog, project in
            try catalog.search(text, in: project)
        } server: {
            try await $0.search(text)
        }
        if output.json { return try Console.write(found.encodeJSON() + [UInt8(ascii: "\n")]) }
        var table = TextTable(["kind", "name", "version", "found in", "description"], cellScalarsMax: 80)
        func append(_ kind: String, _ name: String, _ version: String, _ places: [String], _ description: String?) {
            table.append([kind, name, version, places.joined(separator: ", "), description ?? ""])
        }
        for one in found.entities { append("entity", one.name, "", one.places(of: text), one.description) }
        for one in found.featureGroups.map(\.definition) {
            append("feature group", one.name, "\(one.version)", one.places(of: text), one.description)
        }
        for one in found.featureServices {
            append(
                "feature service", one.definition.name, "\(one.definition.version)", one.places(of: text),
                one.definition.description)
        }
        for one in found.datasets { append("dataset", one.name, "", one.places(of: text), one.description) }
        if found == CatalogDescription() {
            return try Console.print("nothing has '\(text)' in a name, description, owner or tag")
        }
        try Console.write(table.text.utf8)
    }
}

extension Catalog {
    /// The entries that have a text in a name, a description, an owner or a tag.
    fileprivate func search(_ text: String, in project: String) throws(HeadwaterError) -> CatalogDescription {
        let everything = listing(of: project)
        var found = CatalogDescription()
        var seen: Set<String> = []
        let entries = everything.entities + everything.featureGroups + everything.featureServices
        for name in entries.map(\.name) + everything.datasets.map(\.name) where seen.insert(name).inserted {
            found.add(try description(project: project, of: name).matching(text))
        }
        return found
    }
}

/// Descriptions for people.
private enum DescriptionText {
    static func entity(_ entity: EntityDefinition) -> String {
        var table = TextTable(["key", "type", "description"], cellScalarsMax: 80)
        for key in entity.keys { table.append([key.name, "\(key.type)", key.description ?? ""]) }
        return lines([("entity", entity.name)] + entity.shown(EntityDefinition.fields))
            + (entity.keys.isEmpty ? "no keys: a global entity\n" : table.text)
    }

    static func group(_ group: GroupDescription) -> String {
        let definition = group.definition
        let head = lines(
            [("feature group", definition.reference), ("promoted", promoted(group.promoted, definition.name))]
                + definition.shown(GroupDefinition.words + GroupDefinition.lifecycle)
                + [("entity", definition.entity), ("event time", definition.eventTime ?? "none (static)")]
                + definition.shown(GroupDefinition.policies)
                + [("id", "\(group.id)"), ("schema version", "\(group.schemaVersion)")])
        var table = TextTable(["column", "type", "role", "checks", "description"], cellScalarsMax: 80)
        for column in group.columns {
            let feature = column.role == "feature" ? definition.features.first { $0.name == column.name } : nil
            table.append([
                column.name, "\(column.type)", column.role, feature?.checks.map { checks($0, of: column.type) } ?? "",
                feature.map(text) ?? "",
            ])
        }
        return head + table.text
    }

    static func service(_ service: ServiceDescription) -> String {
        let definition = service.definition
        let head = lines(
            [("feature service", definition.reference), ("promoted", promoted(service.promoted, definition.name))]
                + definition.shown(ServiceDefinition.fields))
        var text = head
        if !definition.request.isEmpty {
            var table = TextTable(["request", "type", "description"], cellScalarsMax: 80)
            for column in definition.request { table.append([column.name, "\(column.type)", column.description ?? ""]) }
            text += table.text
        }
        var table = TextTable(["output", "type", "feature", "keys"], cellScalarsMax: 80)
        for output in service.outputs {
            let keys = output.keys.sorted { $0.key < $1.key }.map { "\($0.key) from \($0.value)" }.joined(separator: ", ")
            let source = output.feature ?? output.expr.map { "= \($0)" } ?? ""
            table.append([output.name, "\(output.type)", source + (output.hidden == true ? " (hidden)" : ""), keys])
        }
        return text + table.text
    }

    private static func text(_ feature: FeatureDefinition) -> String {
        let oldNames = feature.renamedFrom.isEmpty ? nil : "renamed from \(feature.renamedFrom.joined(separator: ", "))"
        return [feature.deprecated.map { "deprecated: \($0)" }, oldNames, feature.description].compactMap { $0 }
            .joined(separator: "; ")
    }

    private static func promoted(_ isPromoted: Bool?, _ name: String) -> String {
        isPromoted == true ? "yes: \(name) means it" : "no"
    }

    private static func lines(_ fields: [(label: String, text: String?)]) -> String {
        fields.compactMap { label, text in text.map { "\(label): \($0)\n" } }.joined()
    }

    private static func checks(_ checks: FeatureChecks, of type: FeatureType) -> String {
        var parts: [String] = []
        if let min = checks.min { parts.append("min \(min.spelt(of: type))") }
        if let max = checks.max { parts.append("max \(max.spelt(of: type))") }
        if checks.notNull { parts.append("not null") }
        if let values = checks.oneOf { parts.append("one of \(values.joined(separator: ", "))") }
        if let length = checks.maxLength { parts.append("max length \(length)") }
        return parts.joined(separator: "; ")
    }
}
