public import FeatureModel

extension Catalog {
    /// Resolves what a read asks for.
    ///
    /// - Parameter fullNames: outputs are `weather__temp` rather than `temp`; an alias stays as it is.
    /// - Complexity: O(features).
    /// - Throws: `.notFound` for what does not exist, `.invalidArgument` where two outputs have one name or one request column
    ///   would need two types.
    public func resolve(
        project: String, _ selection: FeatureSelection, fullNames: Bool = false
    ) throws(HeadwaterError) -> FeaturePlan {
        var resolver = Resolver(catalog: self, fullNames: fullNames)
        switch selection {
        case .service(let reference):
            let service = try service(project: project, reference: reference)
            resolver.service = service.reference
            if let text = service.definition.deprecated { resolver.warn("\(service.reference) is deprecated: \(text)") }
            resolver.take(service.definition.request)
            for line in service.lines {
                switch line {
                case .pin(let pin): try resolver.add(pin, groupName: service.groupNames[pin.group])
                case .expression(let expression): try resolver.add(expression)
                }
            }
        case .features(let references):
            guard !references.isEmpty, references.count <= DefinitionLimits.serviceFeaturesMax else {
                throw HeadwaterError(
                    .invalidArgument,
                    "\(references.count) features asked for: ask for 1 to \(DefinitionLimits.serviceFeaturesMax)")
            }
            for reference in references {
                let line = try ServiceFeature(.parse(reference))
                for pin in try pins(line, project: project) { try resolver.add(pin, groupName: line.feature.group.name) }
            }
        }
        return try resolver.finish()
    }
}

/// Builds a feature plan output by output.
private struct Resolver {
    /// Which lookups share one: the same group by the same request columns.
    struct LookupKey: Hashable {
        let group: GroupID
        let keys: [Int]
    }

    let catalog: Catalog
    let fullNames: Bool
    var service: String?
    private var keys: [Field] = []
    /// Place of each request column, and the group that asked for it first.
    private var keyPlaces: [ByteString: (place: Int, group: String)] = [:]
    private var request: [Field] = []
    private var scope = ServiceScope(request: [])
    private var lookups: [Lookup] = []
    private var reads: [FeaturePlan.Read] = []
    private var lookupPlaces: [LookupKey: Int] = [:]
    private var outputs: [FeaturePlan.Output] = []
    private var warnings: [String] = []
    /// The feature behind each output name.
    private var names: [ByteString: String] = [:]

    init(catalog: Catalog, fullNames: Bool) {
        self.catalog = catalog
        self.fullNames = fullNames
    }

    mutating func take(_ columns: [RequestColumn]) {
        request = columns.map(\.field)
        scope = ServiceScope(request: request)
    }

    mutating func warn(_ text: String) {
        if !warnings.contains(text) { warnings.append(text) }
    }

    private mutating func warnOfDeprecated(_ pin: ServicePin, _ group: CatalogGroup) {
        if let text = group.definition.deprecated { warn("\(group.reference) is deprecated: \(text)") }
        if let text = group.feature(ofOrdinal: pin.ordinal).deprecated {
            warn("\(group.reference):\(pin.feature) is deprecated: \(text)")
        }
    }

    /// - Parameter groupName: as it is asked for; `nil` for the group's own name.
    mutating func add(_ pin: ServicePin, groupName: String?) throws(HeadwaterError) {
        guard let group = catalog.group(id: pin.group) else {
            throw HeadwaterError(.internal, "group \(pin.group) of service \(service ?? "") is not in the catalog")
        }
        let schema = group.newestSchema
        let place = try lookup(group, pin)
        let type = schema.type(ofOrdinal: pin.ordinal)
        warnOfDeprecated(pin, group)
        scope.add(Field(pin.shortName, type), read: reads.count)
        reads.append(FeaturePlan.Read(type: type, lookup: place, feature: lookups[place].features.count))
        lookups[place].features.append(Lookup.Feature(ordinal: pin.ordinal, type: type))
        if pin.isHidden { return }
        let name = pin.alias ?? (fullNames ? "\(groupName ?? group.name)__\(pin.feature)" : pin.feature)
        try addOutput(name, type, .read(reads.count - 1), "\(group.reference):\(pin.feature)")
    }

    mutating func add(_ line: ServiceExpression) throws(HeadwaterError) {
        let compiled: PlanExpression
        do throws(HeadwaterError) { compiled = try scope.compile(line) } catch {
            throw error.located(at: "expression \(line.name) of \(service ?? "")")
        }
        if line.isHidden { return }
        try addOutput(line.name, compiled.type, .expression(scope.expressions.count - 1), "expression \(line.name)")
    }

    private mutating func addOutput(
        _ name: String, _ type: FeatureType, _ source: FeaturePlan.Source, _ feature: String
    ) throws(HeadwaterError) {
        if let other = names.updateValue(feature, forKey: ByteString(name)) {
            let remedy =
                other == feature
                ? "it is listed twice"
                : fullNames ? "give one an alias in a service" : "use --full-feature-names, or aliases in a service"
            throw HeadwaterError(.invalidArgument, "two outputs are called '\(name)', \(other) and \(feature): \(remedy)")
        }
        outputs.append(FeaturePlan.Output(name: name, type: type, source: source))
    }

    private mutating func lookup(_ group: CatalogGroup, _ pin: ServicePin) throws(HeadwaterError) -> Int {
        var places: [Int] = []
        for key in group.newestSchema.keys {
            places.append(try requestColumn(pin.keys[key.name] ?? key.name, key.type, group.reference))
        }
        let key = LookupKey(group: group.id, keys: places)
        if let known = lookupPlaces[key] { return known }
        lookupPlaces[key] = lookups.count
        lookups.append(
            Lookup(
                schema: group.newestSchema, group: group.reference, maxAge: group.maxAgeMicroseconds, keys: places, features: []))
        return lookups.count - 1
    }

    private mutating func requestColumn(_ name: String, _ type: FeatureType, _ group: String) throws(HeadwaterError) -> Int {
        guard let known = keyPlaces[ByteString(name)] else {
            keyPlaces[ByteString(name)] = (keys.count, group)
            keys.append(Field(name, type))
            return keys.count - 1
        }
        guard keys[known.place].type == type else {
            throw HeadwaterError(
                .invalidArgument,
                "key '\(name)' is \(keys[known.place].type) in \(known.group) and \(type) in \(group): "
                    + "give one another name in a service (keys: {\(name): OTHER})")
        }
        return known.place
    }

    func finish() throws(HeadwaterError) -> FeaturePlan {
        for (place, key) in (keys + request).enumerated() {
            guard let feature = names[ByteString(key.name)] else { continue }
            let remedy = fullNames ? "give it an alias in a service" : "use --full-feature-names, or an alias in a service"
            throw HeadwaterError(
                .invalidArgument,
                "the output of \(feature) is called '\(key.name)', as a \(place < keys.count ? "key" : "column") of the request is: \(remedy)"
            )
        }
        for column in request {
            guard let known = keyPlaces[ByteString(column.name)] else { continue }
            throw HeadwaterError(
                .invalidArgument, "the request's column '\(column.name)' is a key of \(known.group) too: give it another name")
        }
        return FeaturePlan(
            service: service, keys: keys, request: request, lookups: lookups, reads: reads, expressions: scope.expressions,
            outputs: outputs, warnings: warnings)
    }
}
