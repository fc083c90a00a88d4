/// The few things we do with paths: `/` between parts, no links followed, no `..` resolved.
public enum StoragePath {
    /// The directory that holds `path`: `.` for a bare name, `/` for the root itself.
    public static func parent(of path: String) -> String {
        let trimmed = withoutTrailingSlashes(path)
        guard let slash = trimmed.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == trimmed.startIndex ? "/" : withoutTrailingSlashes(String(trimmed[..<slash]))
    }

    /// The last part of `path`.
    public static func name(of path: String) -> String {
        let trimmed = withoutTrailingSlashes(path)
        guard let slash = trimmed.utf8.lastIndex(of: UInt8(ascii: "/")) else { return trimmed }
        return String(trimmed[trimmed.utf8.index(after: slash)...])
    }

    /// `name` inside `directory`, with one `/` between them.
    public static func join(_ directory: String, _ name: String) -> String {
        if directory.isEmpty { return name }
        return directory.utf8.last == UInt8(ascii: "/") ? directory + name : directory + "/" + name
    }

    private static func withoutTrailingSlashes(_ path: String) -> String {
        var end = path.utf8.endIndex
        while end > path.utf8.startIndex {
            let last = path.utf8.index(before: end)
            if path.utf8[last] != UInt8(ascii: "/") || last == path.utf8.startIndex { break }
            end = last
        }
        return String(path[..<end])
    }
}
