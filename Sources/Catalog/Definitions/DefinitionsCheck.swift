internal import Expressions
internal import FeatureModel

/// Checks what definitions mean by themselves: names, duplicates, key types, checks, static tables.
///
/// What needs the catalog (entities, groups and features of earlier definitions) is checked by the planner.
struct DefinitionsCheck {
    var problems = Problems()
    private var entities: [String: EntityDefinition] = [:]
    private var groups: Set<String> = []
    private var services: Set<String> = []
    private var datasets: Set<String> = []

    /// Takes the definitions of one file, behind those of the files before it.
    mutating func check(_ read: ReadDefinitions) {
        for entity in read.entities { check(entity) }
        for group in read.featureGroups { check(group) }
        for service in read.featureServices { check(service) }
        for dataset in read.datasets { check(dataset) }
    }

    static func path(of entity: EntityDefinition) -> String { "entities[\(entity.name)]" }
    static func path(of group: GroupDefinition) -> String { "feature_groups[\(label(group.name, group.version))]" }
    static func path(of service: ServiceDefinition) -> String { "feature_services[\(label(service.name, service.version))]" }
    static func path(of dataset: DatasetDefinition) -> String { "datasets[\(dataset.name)]" }
    private static func label(_ name: String, _ version: UInt32) -> String { version == 1 ? name : "\(name)@\(version)" }

    private mutating func check(_ entity: EntityDefinition) {
        let path = Self.path(of: entity)
        problems.add("\(path).name", ifWrong: Names.problem(with: entity.name))
        if entities.updateValue(entity, forKey: entity.name) != nil {
            problems.add("\(path).name", "entity '\(entity.name)' is defined twice")
        }
        check(EntityDefinition.fields, of: entity, path)
        if entity.keys.count > Limits.keyColumnsMax {
            problems.add("\(path).keys", "\(entity.keys.count) of them; the limit is \(Limits.keyColumnsMax)")
        }
        var names: Set<String> = []
        for key in entity.keys {
            let path = "\(path).keys[\(key.name)]"
            problems.add("\(path).name", ifWrong: Names.problem(withColumn: key.name))
            if !names.insert(key.name).inserted { problems.add("\(path).name", "key '\(key.name)' is defined twice") }
            if !key.type.isKeyType {
                problems.add("\(path).type", "\(key.type) cannot be a key: use int32, int64, string, bytes or timestamp")
            }
            check(KeyDefinition.fields, of: key, path)
        }
    }

    private mutating func check(_ group: GroupDefinition) {
        let path = Self.path(of: group)
        problems.add("\(path).name", ifWrong: Names.problem(with: group.name))
        problems.add("\(path).entity", ifWrong: Names.problem(with: group.entity))
        if group.version == 0 { problems.add("\(path).version", "expected a whole number from 1, not '0'") }
        if !groups.insert(group.reference).inserted {
            problems.add("\(path).name", "feature group '\(group.reference)' is defined twice")
        }
        check(GroupDefinition.words + GroupDefinition.lifecycle, of: group, path)
        if let name = group.eventTime {
            problems.add("\(path).event_time", ifWrong: Names.problem(withTimeColumn: name, isEventTime: true))
        }
        check(GroupDefinition.policies, of: group, path)
        if let name = group.availableTime {
            problems.add("\(path).available_time", ifWrong: Names.problem(withTimeColumn: name, isEventTime: false))
        }
        if group.features.isEmpty || group.features.count > Limits.featuresMax {
            problems.add("\(path).features", "\(group.features.count) of them; a group has 1 to \(Limits.featuresMax)")
        }
        var names: Set<String> = []
        for feature in group.features {
            let path = "\(path).features[\(feature.name)]"
            problems.add("\(path).name", ifWrong: Names.problem(withOutput: feature.name))
            if !names.insert(feature.name).inserted {
                problems.add(
                    "\(path).name",
                    "feature '\(feature.name)' is defined "
                        + "twice")
            }
            check(FeatureDefinition.fields, of: feature, path)
            if let checks = feature.checks { check(checks, of: feature.type, "\(path).checks") }
        }
        for feature in group.features {
            for old in feature.renamedFrom where names.contains(old) {
                problems.add(
                    "\(path).features[\(feature.name)].renamed_from",
                    "'\(old)' is also a feature of this group: a renamed feature is listed once, by its new name")
            }
        }
        if let entity = entities[group.entity] {
            problems.append(Self.clashes(in: group, keys: entity.keys.map(\.name)))
        } else {
            problems.append(Self.clashes(in: group, keys: []))
        }
    }

    /// Columns of one group that go by the same name.
    static func clashes(in group: GroupDefinition, keys: [String]) -> Problems {
        let path = path(of: group)
        var problems = Problems()
        var owners: [String: String] = [:]
        for key in keys { owners[key] = "a key of entity '\(group.entity)'" }
        func take(_ name: String?, _ what: String, _ field: String) {
            guard let name else { return }
            if let owner = owners[name] {
                problems.add("\(path).\(field)", "'\(name)' is also \(owner): columns of a group have different names")
            } else {
                owners[name] = what
            }
        }
        take(group.eventTime, "the event time column", "event_time")
        take(group.availableTime, "the available time column", "available_time")
        for feature in group.features {
            if let owner = owners[feature.name] {
                problems.add(
                    "\(path).features[\(feature.name)].name",
                    "'\(feature.name)' is also \(owner): columns of a group have different names")
            }
        }
        return problems
    }

    private mutating func check(_ checks: FeatureChecks, of type: FeatureType, _ path: String) {
        let hasOrder: Bool =
            switch type {
            case .int32, .int64, .float32, .float64, .timestamp: true
            default: false
            }
        for (field, value) in [("min", checks.min), ("max", checks.max)] where value != nil && !hasOrder {
            problems.add("\(path).\(field)", "not for \(type): it is for int32, int64, float32, float64 and timestamp")
        }
        if let min = checks.min, let max = checks.max, min.exceeds(max) {
            problems.add("\(path).min", "min \(min.spelt(of: type)) is above max \(max.spelt(of: type))")
        }
        if let values = checks.oneOf {
            if type != .string { problems.add("\(path).one_of", "not for \(type): it is for string") }
            if values.isEmpty { problems.add("\(path).one_of", "an empty list would refuse every value") }
        }
        if checks.maxLength != nil {
            switch type {
            case .string, .bytes, .array: break
            default: problems.add("\(path).max_length", "not for \(type): it is for string, bytes and array(T)")
            }
        }
    }

    private mutating func check(_ service: ServiceDefinition) {
        let path = Self.path(of: service)
        problems.add("\(path).name", ifWrong: Names.problem(with: service.name))
        if service.version == 0 { problems.add("\(path).version", "expected a whole number from 1, not '0'") }
        if !services.insert(service.reference).inserted {
            problems.add("\(path).name", "feature service '\(service.reference)' is defined twice")
        }
        check(ServiceDefinition.fields, of: service, path)
        if service.features.isEmpty || service.features.count > DefinitionLimits.serviceFeaturesMax {
            problems.add(
                "\(path).features",
                "\(service.features.count) of them; a service has 1 to "
                    + "\(DefinitionLimits.serviceFeaturesMax)"
            )
        }
        if !service.features.isEmpty, service.features.allSatisfy({ $0.feature?.isHidden ?? $0.expression?.isHidden ?? false }) {
            problems.add("\(path).features", "all of them are hidden, so that nothing would be answered: leave out hidden of one")
        }
        checkRequest(of: service, path)
        for (index, line) in service.features.enumerated() {
            let path = "\(path).features[\(index)]"
            switch line {
            case .feature(let feature): check(feature, path)
            case .expression(let expression):
                problems.add("\(path).name", ifWrong: Names.problem(withOutput: expression.name))
                if expression.language != ScalarExpression.languageVersion {
                    problems.add(
                        "\(path).language",
                        "language \(expression.language); this version knows \(ScalarExpression.languageVersion)")
                }
                check(ServiceExpression.fields, of: expression, path)
            }
        }
    }

    private mutating func check(_ feature: ServiceFeature, _ path: String) {
        if let alias = feature.alias {
            problems.add("\(path).as", ifWrong: Names.problem(withOutput: alias))
            if feature.feature.feature == nil {
                problems.add("\(path).as", "'\(feature.feature)' names several features: give an alias to each by itself")
            }
        }
        for (from, to) in feature.keys.sorted(by: { $0.key < $1.key }) {
            problems.add("\(path).keys.\(from)", ifWrong: Names.problem(with: from) ?? Names.problem(with: to))
        }
    }

    private mutating func checkRequest(of service: ServiceDefinition, _ path: String) {
        if service.request.count > DefinitionLimits.requestColumnsMax {
            problems.add(
                "\(path).request", "\(service.request.count) of them; a service has at most \(DefinitionLimits.requestColumnsMax)"
            )
        }
        var names: Set<String> = []
        for column in service.request {
            let path = "\(path).request[\(column.name)]"
            problems.add("\(path).name", ifWrong: Names.problem(withOutput: column.name))
            if !names.insert(column.name).inserted { problems.add("\(path).name", "column '\(column.name)' is listed twice") }
            check(RequestColumn.fields, of: column, path)
        }
    }

    /// Of a dataset's columns: a full name has those of a group and a feature.
    private static let columnNameBytesMax = 2 * Limits.nameBytesMax + 2

    private mutating func check(_ dataset: DatasetDefinition) {
        let path = Self.path(of: dataset)
        problems.add("\(path).name", ifWrong: Names.problem(with: dataset.name))
        if !datasets.insert(dataset.name).inserted { problems.add("\(path).name", "dataset '\(dataset.name)' is defined twice") }
        check(DatasetDefinition.fields, of: dataset, path)
        problems.add("\(path).source", ifWrong: dataset.source.flatMap(problem(withDescription:)))
        let columnNames = [dataset.query.spineTime] + dataset.spine.columns.map(\.name) + dataset.features.columns.map(\.name)
        if columnNames.contains(where: { $0.utf8.count > Self.columnNameBytesMax }) {
            problems.add(path, "a column's name is longer than \(Self.columnNameBytesMax) bytes")
        }
        guard let split = dataset.split else { return }
        guard (2...DefinitionLimits.splitPartsMax).contains(split.parts.count) else {
            return problems.add(
                "\(path).split.parts", "\(split.parts.count) parts: there are 2 to \(DefinitionLimits.splitPartsMax)")
        }
        let sum = split.parts.reduce(0) { $0 + $1.share }
        if abs(sum - 1) > 1e-9 { problems.add("\(path).split.parts", "the shares are \(sum) together, and not 1") }
        if split.by == "time", split.seed != 0 { problems.add("\(path).split.seed", "a split by time has none") }
        var names: Set<String> = []
        for part in split.parts {
            problems.add("\(path).split.parts[\(part.name)].name", ifWrong: Names.problem(with: part.name))
            if !(part.share > 0 && part.share <= 1) {
                problems.add("\(path).split.parts[\(part.name)].share", "\(part.share) is not above 0 and at most 1")
            }
            if !names.insert(part.name).inserted { problems.add("\(path).split.parts", "part '\(part.name)' is defined twice") }
        }
        let rows = split.parts.reduce(0 as UInt64) { $0 &+ UInt64(truncatingIfNeeded: $1.rows) }
        // Not more parts than can add up without overflow: each has fewer than 2^63 rows, and none may have more than all.
        if rows != UInt64(truncatingIfNeeded: dataset.rows) || split.parts.contains(where: { $0.rows > dataset.rows }) {
            problems.add("\(path).split.parts", "they have \(rows) rows together, and the dataset \(dataset.rows)")
        }
    }

    /// Checks plain fields by their rules.
    private mutating func check<Thing>(_ fields: [DefinitionField<Thing>], of thing: Thing, _ path: String) {
        for field in fields { field.check(thing, path, &problems) }
    }
}

extension Bound {
    func exceeds(_ other: Bound) -> Bool {
        switch (self, other) {
        case (.whole(let a), .whole(let b)): a > b
        default: double > other.double
        }
    }
}
