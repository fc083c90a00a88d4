internal import FeatureModel

extension DefinitionsReader {
    /// Reads one dataset: mostly what `history --save` wrote, so the shape is checked and little advice is given.
    func dataset(_ node: SourceNode, _ path: String) -> DatasetDefinition? {
        guard let fields = FieldReader(node, of: DatasetDefinition.self, path: path, context: context) else { return nil }
        let name = fields.requiredText("name", "give the dataset a name")
        let parts = (
            query: fields.required("query", "the query that made it").flatMap { query($0, fields.path("query")) },
            spine: fields.required("spine", "columns and hash of the spine").flatMap { table($0, fields.path("spine")) },
            features: fields.required("features", "columns and hash of the features").flatMap {
                table($0, fields.path("features"))
            }
        )
        guard let rows = fields.requiredWhole("rows"), let query = parts.query, let spine = parts.spine,
            let features = parts.features
        else { return nil }
        var dataset = DatasetDefinition(name: name ?? "", query: query, rows: Int(rows), spine: spine, features: features)
        fields.read(into: &dataset)
        dataset.labels = fields.node("labels").flatMap { table($0, fields.path("labels")) }
        dataset.split = fields.node("split").flatMap { split($0, fields.path("split")) }
        dataset.source = fields.text("source")
        dataset.created = fields.whole("created")
        dataset.isReleased = fields.bool("released")
        return dataset
    }

    private func query(_ node: SourceNode, _ path: String) -> DatasetDefinition.Query? {
        let known = ["service", "features", "full_feature_names", "availability", "as_of", "spine_time"]
        guard let fields = FieldReader(node, path: path, known: known, context: context) else { return nil }
        let (service, features) = (
            fields.text("service"), fields.textList("features", max: DefinitionLimits.serviceFeaturesMax)
        )
        if (service == nil) == (features == nil) { context.problems.add(path, "give either service or features") }
        let availability = fields.text("availability") ?? "event"
        if availability != "event", availability != "ingest" {
            context.problems.add(fields.path("availability"), "'\(availability)' is neither event nor ingest")
        }
        guard let asOf = fields.requiredWhole("as_of"),
            let spineTime = fields.requiredText("spine_time", "name the spine's time column")
        else { return nil }
        return DatasetDefinition.Query(
            service.map { .service($0) } ?? .features(features ?? []), fullFeatureNames: fields.bool("full_feature_names"),
            availabilityIngest: availability == "ingest", asOf: Position(asOf), spineTime: spineTime)
    }

    private func table(_ node: SourceNode, _ path: String) -> DatasetDefinition.Table? {
        guard let fields = FieldReader(node, path: path, known: ["columns", "hash"], context: context) else { return nil }
        // A spine has keys and a time beside.
        let most = DefinitionLimits.serviceFeaturesMax * Limits.keyColumnsMax
        let columns = fields.list("columns", max: most, label: \.label).compactMap { column($0.node, $0.path) }
        return hash(fields).map { DatasetDefinition.Table(columns: columns, hash: $0) }
    }

    private func column(_ node: SourceNode, _ path: String) -> DatasetDefinition.Table.Column? {
        guard let fields = FieldReader(node, path: path, known: ["name", "type", "hash"], context: context),
            let name = fields.requiredText("name", "name the column"), let type = type(fields), let hash = hash(fields)
        else { return nil }
        return DatasetDefinition.Table.Column(name: name, type: type, hash: hash)
    }

    private func hash(_ fields: FieldReader) -> String? {
        guard let text = fields.requiredText("hash", "SHA-256 of the cells") else { return nil }
        let isHash = text.utf8.count == 64 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
        if !isHash { context.problems.add(fields.path("hash"), "expected 64 hexadecimal digits in lower case") }
        return isHash ? text : nil
    }

    private func split(_ node: SourceNode, _ path: String) -> DatasetDefinition.Split? {
        guard let fields = FieldReader(node, path: path, known: ["by", "seed", "parts"], context: context),
            let by = fields.requiredText("by", "key or time")
        else { return nil }
        if by != "key", by != "time" { context.problems.add(fields.path("by"), "'\(by)' is neither key nor time") }
        _ = fields.required("parts", "write parts: [{name: NAME, share: SHARE, rows: ROWS}]")
        let parts = fields.list("parts", max: DefinitionLimits.splitPartsMax, label: \.label).compactMap {
            part($0.node, $0.path)
        }
        return DatasetDefinition.Split(by: by, seed: UInt64(fields.whole("seed") ?? 0), parts: parts)
    }

    private func part(_ node: SourceNode, _ path: String) -> DatasetDefinition.Split.Part? {
        guard let fields = FieldReader(node, path: path, known: ["name", "share", "rows"], context: context),
            let name = fields.requiredText("name", "name the part"),
            fields.required("share", "a number above 0 and at most 1") != nil,
            let share = fields.bound("share", of: .float64)?.double, let rows = fields.requiredWhole("rows")
        else { return nil }
        return DatasetDefinition.Split.Part(name: name, share: share, rows: Int(rows))
    }
}

extension FieldReader {
    fileprivate func requiredWhole(_ field: String) -> Int64? { required(field, "a whole number") == nil ? nil : whole(field) }
}
