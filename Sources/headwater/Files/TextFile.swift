import FeatureModel
import Foundation

/// A whole file of text that a user wrote.
enum TextFile {
    /// - Parameters:
    ///   - path: `-` for standard input.
    ///   - advice: what to do where it is a directory.
    /// - Throws: `.notFound`, `.permissionDenied`, or `.invalidArgument` for a directory and for what is no text.
    static func read(_ path: String, ifDirectory advice: String) throws(HeadwaterError) -> (text: String, name: String) {
        let name = path == "-" ? "standard input" : path
        let data: Data?
        if path == "-" {
            data = try? FileHandle.standardInput.readToEnd() ?? Data()
        } else {
            // Pipes too, which `Data(contentsOf:)` does not read.
            data = try? FileHandle(forReadingAtPath: path).map { try $0.readToEnd() ?? Data() }
        }
        guard let data else { throw unreadable(path, name, advice) }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw HeadwaterError(.invalidArgument, "the file is not UTF-8 text", at: name)
        }
        return (text, name)
    }

    private static func unreadable(_ path: String, _ name: String, _ advice: String) -> HeadwaterError {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else {
            return HeadwaterError(.notFound, "there is no such file", at: name)
        }
        return attributes[.type] as? FileAttributeType == .typeDirectory
            ? HeadwaterError(.invalidArgument, "it is a directory: \(advice)", at: name)
            : HeadwaterError(.permissionDenied, "the file cannot be read: give this user the right to", at: name)
    }
}
