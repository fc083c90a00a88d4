internal import FeatureModel

extension Planner {
    /// A dataset is saved once: the same again changes nothing, so that
    /// saving may be tried again, and anything else needs another name.
    mutating func plan(_ dataset: DatasetDefinition) {
        let path = DefinitionsCheck.path(of: dataset)
        var differences = Differences()
        if let old = try? before.dataset(project: project, name: dataset.name) {
            if !old.hasSameContent(as: dataset) {
                differences.refuse(
                    "\(path).name",
                    "dataset '\(dataset.name)' is there, with \(old.rows) rows as of \(old.query.asOf)\(Self.labelsThatDiffer(old, dataset))",
                    "give this one another name")
            }
            // When and whence stay as they were first, and so do words that are left out, as `history --save` leaves them out.
            var newer = dataset
            (newer.source, newer.created) = (old.source, old.created)
            for field in DatasetDefinition.fields { field.inherit(old, &newer) }
            newer.labels = dataset.labels ?? old.labels
            newer.isReleased = old.isReleased || dataset.isReleased
            differences.compare(DatasetDefinition.fields, old, newer)
            if old.labels == nil, let labels = newer.labels {
                differences.note("+ labels: \(Self.names(labels))")
            }
            differences.compare("released", old.isReleased, newer.isReleased)
            let change = newer == old ? nil : CatalogChange.dataset(DatasetChange(project: project, dataset: newer))
            finish(.dataset, dataset.name, path: path, exists: true, differences: differences, change: change)
            return
        }
        checkQuery(of: dataset, path)
        differences.note("+ \(dataset.rows) rows, \(dataset.features.columns.count) features, as of \(dataset.query.asOf)")
        noteFields(of: dataset, &differences)
        finish(
            .dataset, dataset.name, path: path, exists: false, differences: differences,
            change: .dataset(DatasetChange(project: project, dataset: dataset)))
    }

    private func noteFields(of dataset: DatasetDefinition, _ differences: inout Differences) {
        switch dataset.query.selection {
        case .service(let service): differences.note("+ service \(service)")
        case .features(let features): differences.note("+ features \(features.joined(separator: ", "))")
        }
        if dataset.query.fullFeatureNames { differences.note("+ full_feature_names true") }
        if dataset.query.availabilityIngest { differences.note("+ availability ingest") }
        differences.note("+ spine_time \(dataset.query.spineTime)")
        if let labels = dataset.labels { differences.note("+ labels: \(Self.names(labels))") }
        if let split = dataset.split {
            let parts = split.parts.map { "\($0.name) \($0.share) (\($0.rows) rows)" }.joined(separator: ", ")
            differences.note("+ split by \(split.by): \(parts)")
        }
        differences.noteNew("source", dataset.source)
        differences.noteNew(DatasetDefinition.fields, of: dataset)
        if dataset.isReleased { differences.note("+ released true") }
    }

    private static func names(_ labels: DatasetDefinition.Table) -> String {
        labels.columns.isEmpty ? "none" : labels.columns.map { "\($0.name) \($0.type)" }.joined(separator: ", ")
    }

    /// Says so where the labels alone are others: of a file without types they are text.
    private static func labelsThatDiffer(_ old: DatasetDefinition, _ new: DatasetDefinition) -> String {
        guard let before = old.labels, let after = new.labels, before != after else { return "" }
        return before.columns.map(\.field) == after.columns.map(\.field)
            ? ", and other labels" : ", and labels \(names(before)); these are \(names(after))"
    }

    /// Its query must give the columns it says it gave, by the definitions of then: else it could never be made again.
    private mutating func checkQuery(of dataset: DatasetDefinition, _ path: String) {
        let plan: FeaturePlan
        do {
            plan = try before.asOf(dataset.query.asOf)
                .resolve(project: project, dataset.query.selection, fullNames: dataset.query.fullFeatureNames)
        } catch {
            problems.add("\(path).query", error.message)
            return
        }
        if dataset.features.columns.map(\.field) != plan.outputs.map({ Field($0.name, $0.type) }) {
            problems.add("\(path).features.columns", "not those that the query gives as of \(dataset.query.asOf)")
        }
        var spine = plan.columns
        if !spine.contains(where: { ByteString($0.name) == ByteString(dataset.query.spineTime) }) {
            spine.append(Field(dataset.query.spineTime, .timestamp))
        }
        if dataset.spine.columns.map(\.field) != spine {
            problems.add(
                "\(path).spine.columns",
                "not the \(plan.request.isEmpty ? "keys" : "keys, the columns of the request") and the time that the query takes as of \(dataset.query.asOf)"
            )
        }
    }
}
