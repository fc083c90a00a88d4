package import FeatureModel
internal import Foundation
internal import Yams

/// A value of a text before anyone knows what it should be: from YAML with its line, from JSON without.
package struct SourceNode {
    package enum Content {
        case null
        case bool(Bool)
        case whole(Int64)
        case real(Double)
        /// Quoted text.
        case text(String)
        /// A YAML scalar without quotes: what it is, the field decides, so `no` can be a name.
        case plain(String)
        case list([SourceNode])
        case fields([SourceField])
    }

    package let content: Content
    package let mark: SourceMark?

    package var isNull: Bool {
        switch content {
        case .null: true
        case .plain(let text): ["", "~", "null", "Null", "NULL"].contains(text)
        default: false
        }
    }

    /// What an error calls it.
    package var kind: String {
        switch content {
        case .null: "null"
        case .bool, .whole, .real, .plain: "'\(scalarText ?? "")'"
        case .text(let text): "the text '\(text)'"
        case .list: "a list"
        case .fields: "fields"
        }
    }

    /// A scalar as it was written; `nil` for lists and fields.
    package var scalarText: String? {
        switch content {
        case .text(let text), .plain(let text): text
        case .bool(let bool): String(bool)
        case .whole(let number): String(number)
        case .real(let number): String(number)
        case .null, .list, .fields: nil
        }
    }
}

package struct SourceField {
    package let name: String
    package let mark: SourceMark?
    package let value: SourceNode
}

extension SourceNode {
    /// Parses one YAML document; `nil` for an empty one.
    ///
    /// - Throws: `.invalidArgument` placed at the line that does not parse.
    package static func parse(yaml text: String, file: String) throws(HeadwaterError) -> SourceNode? {
        guard text.utf8.count <= DefinitionLimits.textBytesMax else {
            throw HeadwaterError(
                .invalidArgument, "\(file): \(text.utf8.count) bytes; the limit is \(DefinitionLimits.textBytesMax)")
        }
        // Editors put a byte order mark at the start; the parser would read it as text.
        let unmarked = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        do {
            guard let node = try Yams.compose(yaml: unmarked, .basic, .default, .utf8) else { return nil }
            var budget = DefinitionLimits.nodesMax
            return try SourceNode(node, file: file, budget: &budget)
        } catch let error as HeadwaterError {
            throw error
        } catch let error as YamlError {
            throw HeadwaterError(.invalidArgument, describe(error, file: file))
        } catch {
            throw HeadwaterError(.invalidArgument, "\(file): not readable as YAML: \(error)")
        }
    }

    /// - Parameter budget: how many nodes there may still be: an alias of aliases can stand for more than memory holds.
    private init(_ node: Node, file: String, budget: inout Int) throws {
        budget -= 1
        guard budget >= 0 else {
            throw HeadwaterError(
                .invalidArgument,
                "\(file): more than \(DefinitionLimits.nodesMax) values: use fewer aliases, or split the "
                    + "file")
        }
        mark = node.mark.map { SourceMark(file: file, line: $0.line, column: $0.column) }
        switch node {
        case .scalar(let scalar): content = scalar.style == .plain ? .plain(scalar.string) : .text(scalar.string)
        case .sequence(let nodes):
            var list: [SourceNode] = []
            for node in nodes { list.append(try SourceNode(node, file: file, budget: &budget)) }
            content = .list(list)
        case .mapping(let pairs):
            var fields: [SourceField] = []
            for (key, value) in pairs {
                let name = try SourceNode(key, file: file, budget: &budget)
                let value = try SourceNode(value, file: file, budget: &budget)
                fields.append(SourceField(name: name.scalarText ?? name.kind, mark: name.mark, value: value))
            }
            content = .fields(fields)
        case .alias: content = .null
        }
    }

    private static func describe(_ error: YamlError, file: String) -> String {
        func line(_ mark: Mark, _ problem: String, _ context: YamlError.Context?) -> String {
            let start = context.map { " (\($0.text), line \($0.mark.line))" } ?? ""
            return "\(file):\(mark.line):\(mark.column): not YAML: \(problem)\(start)"
        }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            return line(mark, problem, context)
        case .reader(let problem, _, _, _): return "\(file): not YAML: \(problem)"
        case .duplicatedKeysInMapping(let names, let context):
            let list = names.map { "'\($0)'" }.joined(separator: ", ")
            return "\(file):\(context.mark.line):\(context.mark.column): \(list) is given twice"
        default: return "\(file): not readable as YAML"
        }
    }
}

extension SourceNode: Decodable {
    /// Parses JSON.
    ///
    /// - Throws: `.invalidArgument` where the bytes are none, or an object in them names a member twice.
    static func parse(json bytes: ArraySlice<UInt8>) throws(HeadwaterError) -> SourceNode {
        guard bytes.count <= DefinitionLimits.textBytesMax else {
            throw HeadwaterError(
                .invalidArgument, "definitions: \(bytes.count) bytes; the limit is \(DefinitionLimits.textBytesMax)")
        }
        let node = try CanonicalJSON.decode(SourceNode.self, from: bytes, orElse: .invalidArgument, what: "definitions")
        // The decoder takes one of the two, and does not tell.
        var names = MemberNames(bytes)
        if let twice = names.firstGivenTwice() {
            throw HeadwaterError(.invalidArgument, "definitions: \(twice) is given twice")
        }
        return node
    }

    private struct AnyKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    package init(from decoder: any Decoder) throws {
        mark = nil
        if let object = try? decoder.container(keyedBy: AnyKey.self) {
            content = .fields(
                try object.allKeys.map {
                    SourceField(name: $0.stringValue, mark: nil, value: try object.decode(SourceNode.self, forKey: $0))
                }
                .sorted { $0.name < $1.name })
            return
        }
        if var list = try? decoder.unkeyedContainer() {
            var nodes: [SourceNode] = []
            while !list.isAtEnd { nodes.append(try list.decode(SourceNode.self)) }
            content = .list(nodes)
            return
        }
        let scalar = try decoder.singleValueContainer()
        if scalar.decodeNil() {
            content = .null
        } else if let text = try? scalar.decode(String.self) {
            content = .text(text)
        } else if let bool = try? scalar.decode(Bool.self) {
            content = .bool(bool)
        } else if let whole = try? scalar.decode(Int64.self) {
            content = .whole(whole)
        } else {
            content = .real(try scalar.decode(Double.self))
        }
    }
}
