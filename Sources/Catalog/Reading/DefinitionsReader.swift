internal import Expressions
internal import FeatureModel

/// What one text defines, read but not yet checked. Items with a problem inside are left out.
struct ReadDefinitions {
    var project: String?
    var projectMark: SourceMark?
    var entities: [EntityDefinition] = []
    var featureGroups: [GroupDefinition] = []
    var featureServices: [ServiceDefinition] = []
    var datasets: [DatasetDefinition] = []
}

/// Turns source nodes into definitions: the shape of things. Their meaning is checked by `DefinitionsCheck`.
struct DefinitionsReader {
    let context: ReadContext

    func read(_ root: SourceNode) throws(HeadwaterError) -> ReadDefinitions {
        var result = ReadDefinitions()
        let known = ["format", "project", "entities", "feature_groups", "feature_services", "datasets"]
        guard let fields = FieldReader(root, path: "", known: known, context: context) else { return result }
        if let format = fields.count("format"), format != Definitions.format {
            throw HeadwaterError(
                .unimplemented,
                "definitions of format \(format); this version reads \(Definitions.format): use a newer "
                    + "headwater"
            )
        }
        result.project = fields.text("project")
        result.projectMark = fields.node("project")?.mark
        let most = DefinitionLimits.itemsMax
        result.entities = fields.list("entities", max: most, label: \.label).compactMap { whole($0, entity) }
        result.featureGroups = fields.list("feature_groups", max: most, label: \.label).compactMap { whole($0, group) }
        result.featureServices = fields.list("feature_services", max: most, label: \.label).compactMap { whole($0, service) }
        result.datasets = fields.list("datasets", max: most, label: \.label).compactMap { whole($0, dataset) }
        return result
    }

    /// The item, unless reading it met a problem.
    private func whole<T>(_ item: (path: String, node: SourceNode), _ read: (SourceNode, String) -> T?) -> T? {
        let before = context.problems.count
        let value = read(item.node, item.path)
        return context.problems.count == before ? value : nil
    }

    private func entity(_ node: SourceNode, _ path: String) -> EntityDefinition? {
        guard let fields = FieldReader(node, of: EntityDefinition.self, path: path, context: context) else { return nil }
        let name = fields.requiredText("name", "give the entity a name")
        _ = fields.required("keys", "write keys: [{name: NAME, type: TYPE}], or keys: [] for a global entity")
        let keys = fields.list("keys", max: Limits.keyColumnsMax, label: \.label).compactMap { whole($0, key) }
        var entity = EntityDefinition(name: name ?? "", keys: keys)
        fields.read(into: &entity)
        return entity
    }

    private func key(_ node: SourceNode, _ path: String) -> KeyDefinition? {
        guard let fields = FieldReader(node, of: KeyDefinition.self, path: path, context: context) else { return nil }
        let name = fields.requiredText("name", "give the key column a name")
        guard let type = type(fields) else { return nil }
        var key = KeyDefinition(name: name ?? "", type: type)
        fields.read(into: &key)
        return key
    }

    func type(_ fields: FieldReader) -> FeatureType? {
        guard let text = fields.requiredText("type", "write a type, such as float64 or string") else { return nil }
        do {
            return try FeatureType.parse(text)
        } catch {
            context.problems.add(fields.path("type"), error.message, at: fields.node("type")?.mark)
            return nil
        }
    }

    private func group(_ node: SourceNode, _ path: String) -> GroupDefinition? {
        guard let fields = FieldReader(node, of: GroupDefinition.self, path: path, context: context) else { return nil }
        let name = fields.requiredText("name", "give the feature group a name")
        let entity = fields.requiredText("entity", "name the entity whose keys this group has")
        _ = fields.required("features", "write features: [{name: NAME, type: TYPE}]")
        let features = fields.list("features", max: Limits.featuresMax, label: \.label).compactMap { whole($0, feature) }
        var group = GroupDefinition(
            name: name ?? "", version: fields.version(), entity: entity ?? "", eventTime: fields.column("event_time"),
            availableTime: fields.column("available_time"), features: features)
        fields.read(into: &group)
        return group
    }

    private func feature(_ node: SourceNode, _ path: String) -> FeatureDefinition? {
        guard let fields = FieldReader(node, of: FeatureDefinition.self, path: path, context: context) else { return nil }
        let name = fields.requiredText("name", "give the feature a name")
        // Problems are told in the order of reading, and those of the type stand last.
        var feature = FeatureDefinition(name: name ?? "", type: .bool)
        fields.read(into: &feature)
        guard let type = type(fields) else { return nil }
        feature.type = type
        feature.checks = fields.node("checks").flatMap { checks($0, fields.path("checks"), type) }
        return feature
    }

    private func checks(_ node: SourceNode, _ path: String, _ type: FeatureType) -> FeatureChecks? {
        let known = ["min", "max", "not_null", "one_of", "max_length"]
        guard let fields = FieldReader(node, path: path, known: known, context: context) else { return nil }
        let checks = FeatureChecks(
            min: fields.bound("min", of: type), max: fields.bound("max", of: type), notNull: fields.bool("not_null"),
            oneOf: fields.textList("one_of", max: DefinitionLimits.oneOfMax), maxLength: fields.count("max_length"))
        return checks.isEmpty ? nil : checks
    }

    private func service(_ node: SourceNode, _ path: String) -> ServiceDefinition? {
        guard let fields = FieldReader(node, of: ServiceDefinition.self, path: path, context: context) else { return nil }
        let name = fields.requiredText("name", "give the feature service a name")
        _ = fields.required("features", "write features: [\"GROUP:FEATURE\", …]")
        let request = fields.list("request", max: DefinitionLimits.requestColumnsMax, label: \.label).compactMap {
            whole($0, requestColumn)
        }
        let features = fields.list("features", max: DefinitionLimits.serviceFeaturesMax).compactMap { whole($0, serviceLine) }
        var service = ServiceDefinition(name: name ?? "", version: fields.version(), request: request, features: features)
        fields.read(into: &service)
        return service
    }

    private func requestColumn(_ node: SourceNode, _ path: String) -> RequestColumn? {
        guard let fields = FieldReader(node, of: RequestColumn.self, path: path, context: context) else { return nil }
        let name = fields.requiredText("name", "give the column of the request a name")
        guard let type = type(fields) else { return nil }
        var column = RequestColumn(name: name ?? "", type: type)
        fields.read(into: &column)
        return column
    }

    private func serviceLine(_ node: SourceNode, _ path: String) -> ServiceLine? {
        switch node.content {
        case .text(let text), .plain(let text):
            context.sources.set(path, node.mark)
            return reference(text, path, node.mark).map { .feature(ServiceFeature($0)) }
        case .fields(let fields) where fields.contains(where: { $0.name == "expr" }):
            return expression(node, path).map(ServiceLine.expression)
        default:
            guard let fields = FieldReader(node, path: path, known: ["feature", "as", "keys", "hidden"], context: context),
                let text = fields.requiredText("feature", "write feature: \"GROUP:FEATURE\", or name: NAME and expr: EXPRESSION")
            else { return nil }
            let found = reference(text, fields.path("feature"), fields.node("feature")?.mark)
            let (alias, keys, isHidden) = (fields.text("as"), fields.texts("keys"), fields.bool("hidden"))
            return found.map { .feature(ServiceFeature($0, as: alias, keys: keys, isHidden: isHidden)) }
        }
    }

    private func expression(_ node: SourceNode, _ path: String) -> ServiceExpression? {
        guard let fields = FieldReader(node, of: ServiceExpression.self, path: path, context: context) else { return nil }
        let name = fields.requiredText("name", "give what the expression makes a name")
        guard let text = fields.requiredText("expr", "write an expression, such as amount / nullif(visits, 0)") else {
            return nil
        }
        do throws(HeadwaterError) {
            var expression = ServiceExpression(
                name: name ?? "", text: try ScalarExpression.canonicalText(of: text),
                language: fields.count("language") ?? ScalarExpression.languageVersion)
            expression.isHidden = fields.bool("hidden")
            fields.read(into: &expression)
            return expression
        } catch {
            context.problems.add(fields.path("expr"), error, at: fields.node("expr")?.mark)
            return nil
        }
    }

    private func reference(_ text: String, _ path: String, _ mark: SourceMark?) -> FeatureReference? {
        do {
            return try FeatureReference.parse(text)
        } catch {
            context.problems.add(path, error.message, at: mark)
            return nil
        }
    }
}
