public import FeatureModel

/// A place in a text: a file, a line and a column, both from 1.
public struct SourceMark: Hashable, Sendable, CustomStringConvertible {
    public let file: String
    public let line: Int
    public let column: Int

    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    public var description: String { "\(file):\(line):\(column)" }
}

/// One thing that is wrong with definitions: where (a path of fields, and a line if there is one) and what.
struct Problem: Hashable, Sendable {
    let path: String
    let message: String
    var mark: SourceMark?
    /// Which of several files the mark lies in.
    var file = 0

    var line: String {
        [mark.map(String.init(describing:)), path.isEmpty ? nil : path, message].compactMap { $0 }.joined(separator: ": ")
    }
}

/// Collects problems, so that one refusal reports many.
struct Problems: Sendable {
    private(set) var list: [Problem] = []
    /// Stamped on each problem.
    var file = 0

    var isEmpty: Bool { list.isEmpty }
    var count: Int { list.count }

    mutating func add(_ path: String, _ message: String, at mark: SourceMark? = nil) {
        list.append(Problem(path: path, message: message, mark: mark, file: file))
    }

    mutating func add(_ path: String, _ error: HeadwaterError, at mark: SourceMark? = nil) {
        add(path, error.location.map { "\($0): \(error.message)" } ?? error.message, at: mark)
    }

    mutating func add(_ path: String, ifWrong message: String?) {
        if let message { add(path, message) }
    }

    mutating func append(_ other: Problems) {
        list += other.list.map { problem in
            var copy = problem
            copy.file = max(problem.file, file)
            return copy
        }
    }

    /// Gives problems that know only their path the line of that path.
    mutating func place(by sources: SourceMap) {
        for index in list.indices where list[index].mark == nil { list[index].mark = sources.mark(of: list[index].path) }
    }

    /// - Throws: one error with up to 20 problems, one a line, in the order of the text.
    func throwIfAny(_ code: StatusCode = .invalidArgument) throws(HeadwaterError) {
        if list.isEmpty { return }
        func place(_ entry: (offset: Int, element: Problem)) -> (Int, Int, Int, Int) {
            let mark = entry.element.mark
            return (entry.element.file, mark?.line ?? .max, mark?.column ?? .max, entry.offset)
        }
        let sorted = list.enumerated().sorted { place($0) < place($1) }
        let listed = DefinitionLimits.problemsListedMax
        var lines = sorted.prefix(listed).map(\.element.line)
        if list.count > listed { lines.append("and \(list.count - listed) more") }
        throw HeadwaterError(code, lines.joined(separator: "\n"))
    }
}

/// Where each path of fields stands in the files.
public struct SourceMap: Hashable, Sendable {
    private var marks: [String: SourceMark] = [:]

    public init() {}

    /// The mark of a path, or of the nearest thing around it.
    public func mark(of path: String) -> SourceMark? {
        var path = path[...]
        while true {
            if let mark = marks[String(path)] { return mark }
            guard let cut = Self.parentEnd(path) else { return nil }
            path = path[..<cut]
        }
    }

    /// Puts file and line before each line of a message that starts with a known path: for errors that came from a server.
    public func placed(_ error: HeadwaterError) -> HeadwaterError {
        let lines = error.message.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            guard let colon = line.firstRange(of: ": "), let mark = mark(of: String(line[..<colon.lowerBound])) else {
                return String(line)
            }
            return "\(mark): \(line)"
        }
        return HeadwaterError(error.code, lines.joined(separator: "\n"), at: error.location)
    }

    /// Adds the marks of a later file.
    mutating func merge(_ other: SourceMap) { marks.merge(other.marks) { first, _ in first } }

    mutating func set(_ path: String, _ mark: SourceMark?) {
        if let mark { marks[path] = mark }
    }

    /// The end of the path around `path`: names in brackets may hold dots.
    private static func parentEnd(_ path: Substring) -> Substring.Index? {
        if path.last == "]" { return path.lastIndex(of: "[") }
        return path.lastIndex { $0 == "." || $0 == "[" }
    }
}
