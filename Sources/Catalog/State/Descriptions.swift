public import FeatureModel

/// Everything in a project, in short: `headwater list --json`.
public struct CatalogListing: Codable, Hashable, Sendable {
    public struct Entry: Codable, Hashable, Sendable {
        public let name: String
        public let version: UInt32?
        public let description: String?
        /// `true` for the version that the name means without one.
        public let promoted: Bool?
        /// What to use instead, where it should not be used any more.
        public let deprecated: String?

        init(_ name: String, version: UInt32? = nil, description: String?, promoted: Bool? = nil, deprecated: String? = nil) {
            self.name = name
            self.version = version
            self.description = description
            self.promoted = promoted
            self.deprecated = deprecated
        }
    }

    public let project: String
    public let entities: [Entry]
    public let featureGroups: [Entry]
    public let featureServices: [Entry]
    public let datasets: [DatasetEntry]
    /// Where the project has nothing: those that have something.
    public let otherProjects: [String]?

    /// A dataset in one line.
    public struct DatasetEntry: Codable, Hashable, Sendable {
        public let name: String
        public let description: String?
        public let rows: Int
        /// The position that it was read at.
        public let asOf: Position
        /// Hash of its features.
        public let hash: String
        /// Microseconds since 1970.
        public let created: Microseconds?
        /// `true` where retention does not wait for it.
        public let released: Bool?

        enum CodingKeys: String, CodingKey {
            case name, description, rows, hash, created, released
            case asOf = "as_of"
        }
    }

    enum CodingKeys: String, CodingKey {
        case project, entities, datasets
        case featureGroups = "feature_groups"
        case featureServices = "feature_services"
        case otherProjects = "other_projects"
    }
}

/// One group with all that a client needs to write it: `headwater describe NAME --json`.
public struct GroupDescription: Codable, Hashable, Sendable {
    public struct Column: Codable, Hashable, Sendable {
        public let name: String
        public let type: FeatureType
        /// `key`, `event_time`, `available_time`, `feature`, or `removed` for a feature that was: it keeps its place.
        public let role: String
    }

    public let project: String
    public let id: GroupID
    public let schemaVersion: UInt32
    /// By ordinal.
    public let columns: [Column]
    public let definition: GroupDefinition
    /// `true` for the version that the name means without one.
    public let promoted: Bool?

    enum CodingKeys: String, CodingKey {
        case project, id, columns, definition, promoted
        case schemaVersion = "schema_version"
    }

    public init(_ group: CatalogGroup, isPromoted: Bool = true) {
        promoted = isPromoted ? true : nil
        let schema = group.newestSchema
        project = group.project
        id = group.id
        schemaVersion = schema.schemaVersion
        definition = group.visibleDefinition
        columns = schema.columns.enumerated().map { ordinal, field in
            let role =
                if ordinal < schema.keys.count {
                    "key"
                } else if ordinal == schema.eventTimeOrdinal {
                    "event_time"
                } else if ordinal == schema.availableTimeOrdinal {
                    "available_time"
                } else {
                    group.removedFeatures[ordinal] == nil ? "feature" : "removed"
                }
            return Column(name: field.name, type: field.type, role: role)
        }
    }

    /// The newest schema, as a client that decoded this needs it to encode batches.
    public var schema: GroupSchema {
        func fields(_ roles: String...) -> [Field] {
            columns.filter { roles.contains($0.role) }.map { Field($0.name, $0.type) }
        }
        return GroupSchema(
            groupID: id, schemaVersion: schemaVersion, keys: fields("key"), eventTimeName: fields("event_time").first?.name,
            availableTimeName: fields("available_time").first?.name, features: fields("feature", "removed"))
    }
}

/// One service with what it was pinned to.
public struct ServiceDescription: Codable, Hashable, Sendable {
    public struct Output: Codable, Hashable, Sendable {
        public let name: String
        public let type: FeatureType
        /// `weather@1:temp`; absent of an expression.
        public let feature: String?
        /// The text of an expression.
        public let expr: String?
        /// Key column of the group → column of the request, where they differ.
        public let keys: [String: String]
        /// `true` for what goes into expressions only.
        public let hidden: Bool?
    }

    public let project: String
    public let definition: ServiceDefinition
    public let outputs: [Output]
    /// `true` for the version that the name means without one.
    public let promoted: Bool?
}

/// All that goes by one name: `headwater describe NAME`.
public struct CatalogDescription: Codable, Hashable, Sendable {
    public var entities: [EntityDefinition] = []
    public var featureGroups: [GroupDescription] = []
    public var featureServices: [ServiceDescription] = []
    public var datasets: [DatasetDefinition] = []

    public init() {}

    enum CodingKeys: String, CodingKey {
        case entities, datasets
        case featureGroups = "feature_groups"
        case featureServices = "feature_services"
    }

    /// JSON for `--json` and the wire.
    public func encodeJSON() -> [UInt8] { CanonicalJSON.encode(self) }

    /// - Throws: `.internal` where the bytes are not what `encodeJSON` makes.
    public static func decode(json bytes: ArraySlice<UInt8>) throws(HeadwaterError) -> CatalogDescription {
        try CanonicalJSON.decode(Self.self, from: bytes, orElse: .internal, what: "description")
    }
}

extension CatalogListing {
    /// JSON for `--json` and the wire.
    public func encodeJSON() -> [UInt8] { CanonicalJSON.encode(self) }

    /// - Throws: `.internal` where the bytes are not what `encodeJSON` makes.
    public static func decode(json bytes: ArraySlice<UInt8>) throws(HeadwaterError) -> CatalogListing {
        try CanonicalJSON.decode(Self.self, from: bytes, orElse: .internal, what: "listing")
    }
}

extension Catalog {
    /// Everything in a project; empty lists where the project is not known.
    public func listing(of project: String) -> CatalogListing {
        CatalogListing(
            project: project,
            entities: entities(in: project).map {
                CatalogListing.Entry($0.name, description: $0.description)
            },
            featureGroups: groups(in: project).map {
                CatalogListing.Entry(
                    $0.name, version: $0.version, description: $0.definition.description, promoted: isPromoted($0),
                    deprecated: $0.definition.deprecated)
            },
            featureServices: services(in: project).map {
                CatalogListing.Entry(
                    $0.name, version: $0.version, description: $0.definition.description, promoted: isPromoted($0),
                    deprecated: $0.definition.deprecated)
            },
            datasets: datasets(in: project).map {
                CatalogListing.DatasetEntry(
                    name: $0.name, description: $0.description, rows: $0.rows, asOf: $0.query.asOf, hash: $0.features.hash,
                    created: $0.created, released: $0.isReleased ? true : nil)
            },
            otherProjects: projectNames.contains(where: { $0.utf8.elementsEqual(project.utf8) }) || projectNames.isEmpty
                ? nil : projectNames)
    }

    /// The entity, the groups, the services and the dataset that `name` or `name@version` names; without a version, all versions.
    ///
    /// - Throws: `.notFound` with what there is, `.invalidArgument` where the text is no name.
    public func description(project: String, of reference: String) throws(HeadwaterError) -> CatalogDescription {
        let name = try VersionedName.parse(reference)
        func versions<Value: Versioned>(_ all: [Value]) -> [Value] {
            all.filter { name.version == nil || name.version == $0.version }
        }
        var found = CatalogDescription()
        if name.version == nil, let entity = entity(project: project, name: name.name) { found.entities.append(entity) }
        let groupName = nameInUse(.group, project: project, name.name)
        found.featureGroups = versions(groupVersions(project: project, name: groupName)).map { group in
            GroupDescription(group, isPromoted: isPromoted(group) == true)
        }
        let serviceName = nameInUse(.service, project: project, name.name)
        found.featureServices = versions(serviceVersions(project: project, name: serviceName)).map(describe)
        if name.version == nil, let dataset = try? dataset(project: project, name: name.name) { found.datasets = [dataset] }
        if found == CatalogDescription() {
            if let error = removalError(project: project, name) { throw error }
            let names = Set(
                entities(in: project).map(\.name) + groups(in: project).map(\.name) + services(in: project).map(\.name)
                    + datasets(in: project).map(\.name))
            throw HeadwaterError(
                .notFound,
                "nothing is called '\(reference)' in project '\(project)': "
                    + "\(hint(for: reference, in: names.sorted(), kind: "there are"))"
            )
        }
        return found
    }

    private func isPromoted(_ group: CatalogGroup) -> Bool? {
        self.group(project: group.project, name: group.name)?.version == group.version ? true : nil
    }

    private func isPromoted(_ service: CatalogService) -> Bool? {
        self.service(project: service.project, VersionedName(service.name))?.version == service.version ? true : nil
    }

    private func describe(_ service: CatalogService) -> ServiceDescription {
        ServiceDescription(
            project: service.project, definition: service.definition,
            outputs: described(service), promoted: isPromoted(service))
    }

    private func described(_ service: CatalogService) -> [ServiceDescription.Output] {
        var scope = ServiceScope(request: service.definition.request.map(\.field))
        var reads = 0
        return service.lines.compactMap { line in
            switch line {
            case .pin(let pin):
                guard let group = groups[pin.group] else { return nil }
                let type = group.newestSchema.type(ofOrdinal: pin.ordinal)
                scope.add(Field(pin.shortName, type), read: reads)
                reads += 1
                return ServiceDescription.Output(
                    name: pin.shortName, type: type, feature: "\(group.reference):\(pin.feature)", expr: nil, keys: pin.keys,
                    hidden: pin.isHidden ? true : nil)
            case .expression(let expression):
                guard let compiled = try? scope.compile(expression) else { return nil }
                return ServiceDescription.Output(
                    name: expression.name, type: compiled.type, feature: nil, expr: expression.text, keys: [:],
                    hidden: expression.isHidden ? true : nil)
            }
        }
    }
}

extension GroupDescription {
    /// Features that were.
    public var removedNames: Set<String> { Set(columns.filter { $0.role == "removed" }.map(\.name)) }

    /// What features were called before, by the name of now.
    public var oldNames: [String: [String]] {
        let renamed = definition.features.filter { !$0.renamedFrom.isEmpty }.map { ($0.name, $0.renamedFrom) }
        return Dictionary(renamed) { $1 }
    }
}
