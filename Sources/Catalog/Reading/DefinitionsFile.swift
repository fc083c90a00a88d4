public import FeatureModel

/// Definitions read from files, with where each part stands.
public struct DefinitionsFile: Hashable, Sendable {
    public let definitions: Definitions
    /// Puts lines to problems that a server finds later: `sources.placed(error)`.
    public let sources: SourceMap

    /// Reads and checks one YAML text.
    ///
    /// - Parameter project: the project where the file names none; both must agree.
    /// - Throws: `.invalidArgument` with up to 20 problems, one a line: `features.yaml:12:9: feature_groups[weather].…: …`.
    public static func load(text: String, fileName: String, project: String? = nil) throws(HeadwaterError) -> DefinitionsFile {
        try load([(text, fileName)], project: project)
    }

    /// Reads several YAML texts as one.
    ///
    /// - Complexity: O(bytes).
    /// - Throws: as `load(text:fileName:)`.
    public static func load(
        _ files: [(text: String, name: String)], project: String? = nil
    ) throws(HeadwaterError) -> DefinitionsFile {
        let context = ReadContext()
        var check = DefinitionsCheck()
        var merged = Definitions(project: project ?? "")
        for (index, file) in files.enumerated() {
            context.problems.file = index
            guard let root = try SourceNode.parse(yaml: file.text, file: file.name) else { continue }
            let fileContext = ReadContext()
            fileContext.problems.file = index
            let read: ReadDefinitions
            do { read = try DefinitionsReader(context: fileContext).read(root) } catch { throw error.located(at: file.name) }
            if let named = read.project {
                if merged.project.isEmpty {
                    merged.project = named
                } else if named != merged.project {
                    fileContext.problems.add(
                        "project", "'\(named)' here, '\(merged.project)' before: apply one project at a time",
                        at: read.projectMark)
                }
            }
            check.problems = Problems()
            check.check(read)
            check.problems.place(by: fileContext.sources)
            context.problems.append(fileContext.problems)
            context.problems.append(check.problems)
            context.sources.merge(fileContext.sources)
            merged.entities += read.entities
            merged.featureGroups += read.featureGroups
            merged.featureServices += read.featureServices
            merged.datasets += read.datasets
        }
        if merged.project.isEmpty {
            let mark = files.first.map { SourceMark(file: $0.name, line: 1, column: 1) }
            context.problems.add("project", "missing: write 'project: NAME' in the file, or give --project NAME", at: mark)
        } else if let wrong = Names.problem(with: merged.project) {
            context.problems.add("project", wrong, at: context.sources.mark(of: "project"))
        }
        try context.problems.throwIfAny()
        return DefinitionsFile(definitions: merged, sources: context.sources)
    }
}

extension Definitions {
    /// The canonical JSON form.
    public func encodeJSON() -> [UInt8] { CanonicalJSON.encode(self) }

    /// Reads and checks definitions as JSON, from whichever client wrote them.
    ///
    /// - Parameter project: the project where the text names none; both must agree.
    /// - Throws: `.invalidArgument` with up to 20 problems, one a line, each behind its path; `.unimplemented` for a newer
    /// format.
    public static func decode(json bytes: ArraySlice<UInt8>, project: String? = nil) throws(HeadwaterError) -> Definitions {
        let root = try SourceNode.parse(json: bytes)
        let context = ReadContext()
        let read = try DefinitionsReader(context: context).read(root)
        if let project, let named = read.project, named != project {
            context.problems.add("project", "'\(named)' in the definitions, '\(project)' in the request: use one of them")
        }
        let definitions = Definitions(
            project: read.project ?? project ?? "", entities: read.entities, featureGroups: read.featureGroups,
            featureServices: read.featureServices, datasets: read.datasets)
        context.problems.add("project", ifWrong: Names.problem(with: definitions.project))
        var check = DefinitionsCheck()
        check.check(read)
        context.problems.append(check.problems)
        try context.problems.throwIfAny()
        return definitions
    }

    /// Checks definitions that were built in code: names, bounds, duplicates. References are checked by `Catalog.plan`.
    ///
    /// - Throws: as `decode(json:)`.
    public func validate() throws(HeadwaterError) {
        var check = DefinitionsCheck()
        check.problems.add("project", ifWrong: Names.problem(with: project))
        check.check(
            ReadDefinitions(
                entities: entities, featureGroups: featureGroups, featureServices: featureServices, datasets: datasets))
        try check.problems.throwIfAny()
    }
}
