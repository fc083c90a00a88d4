import Catalog
import FeatureModel
import Server

/// A file of options (`--config`): YAML, the options' names as keys. Keys below `serve`, `online` or `offline` are of that role
/// alone.
struct SettingsFile {
    struct Entry {
        let option: CommandDescription.Argument
        let values: [String]
        /// Below whose name it stands; `nil`: of all roles that have the option.
        let role: ServerConfiguration.Role?
        /// The file and the line.
        let place: String
    }

    let path: String
    private(set) var entries: [Entry] = []
    /// What is wrong, each behind its place.
    private(set) var problems: [String] = []

    /// Reads a file.
    ///
    /// - Throws: where it cannot be read, or is not YAML; all other faults are `problems`.
    init(_ path: String) throws(HeadwaterError) {
        let (text, name) = try TextFile.read(path, ifDirectory: "name a file in it")
        self.path = name
        guard let root = try SourceNode.parse(yaml: text, file: name), !root.isNull else { return }
        guard case .fields(let fields) = root.content else {
            add("expected options, such as 'log-level: debug', not \(root.kind)", at: root.mark)
            return
        }
        read(fields, of: nil)
    }

    /// The entry that holds for a role: the one below its name before the one of all.
    func entry(of name: String, for role: ServerConfiguration.Role) -> Entry? {
        let named = entries.filter { $0.option.name == name }
        return named.first { $0.role == role } ?? named.first { $0.role == nil }
    }

    /// What stands there for other roles alone.
    func entries(notFor role: ServerConfiguration.Role) -> [Entry] {
        let own = Set(role.options.map(\.name))
        return entries.filter { $0.role.map { $0 != role } ?? !own.contains($0.option.name) }
    }

    private mutating func add(_ problem: String, at mark: SourceMark?) { problems.append("\(place(mark)): \(problem)") }

    private func place(_ mark: SourceMark?) -> String { mark.map { "\(path):\($0.line)" } ?? path }

    private mutating func read(_ fields: [SourceField], of role: ServerConfiguration.Role?) {
        let known = role?.options ?? ServerConfiguration.Role.allOptions
        for field in fields {
            if role == nil, let section = ServerConfiguration.Role(rawValue: field.name) {
                if case .fields(let own) = field.value.content {
                    read(own, of: section)
                } else if !field.value.isNull {
                    add("\(field.name): expected options of this role, not \(field.value.kind)", at: field.mark)
                }
            } else if field.name == "config" {
                add("config: a file names no other file: leave it out", at: field.mark)
            } else if let option = known.first(where: { $0.name == field.name }) {
                read(field, option, of: role)
            } else if let role, ServerConfiguration.Role.allOptions.contains(where: { $0.name == field.name }) {
                add("\(field.name): 'headwater \(role.rawValue)' has no such option: leave it out here", at: field.mark)
            } else {
                let names = known.map(\.name).filter { $0 != "config" }
                let roles = role == nil ? ServerConfiguration.Role.allCases.map(\.rawValue) : []
                let likely = field.name.lowercased().replacing("_", with: "-")
                add(CommandLineAdvice.unknown("key", field.name, likely, names + roles), at: field.mark)
            }
        }
    }

    private mutating func read(_ field: SourceField, _ option: CommandDescription.Argument, of role: ServerConfiguration.Role?) {
        switch Self.values(of: field.value, option) {
        case .failure(let problem): add("\(option.name): \(problem.text)", at: field.mark)
        case .success(let values):
            let reader =
                role ?? ServerConfiguration.Role.allCases.first { $0.options.contains { $0.name == option.name } } ?? .serve
            if let problem = reader.problem(with: values, of: option) {
                return add("\(option.name): \(problem)", at: field.mark)
            }
            entries.append(Entry(option: option, values: values, role: role, place: place(field.mark)))
        }
    }

    private struct Problem: Error {
        let text: String
    }

    private static func values(of node: SourceNode, _ option: CommandDescription.Argument) -> Result<[String], Problem> {
        var nodes = [node]
        if case .list(let list) = node.content {
            guard option.isRepeating else { return .failure(Problem(text: "expected one value, not a list")) }
            if list.isEmpty { return .failure(Problem(text: "the list is empty: write a value, or leave the key out")) }
            nodes = list
        }
        var values: [String] = []
        for node in nodes {
            guard !node.isNull, node.scalarText != "" else {
                return .failure(Problem(text: "there is no value: write one, or leave the key out"))
            }
            guard let text = node.scalarText else { return .failure(Problem(text: "expected a value, not \(node.kind)")) }
            // No command line and no path can hold one.
            if text.utf8.contains(0) { return .failure(Problem(text: "there is a NUL in the value: take it out")) }
            values.append(text)
        }
        if option.isFlag, values != ["true"], values != ["false"] {
            return .failure(Problem(text: "write true or false, not \(node.kind)"))
        }
        return .success(values)
    }
}
