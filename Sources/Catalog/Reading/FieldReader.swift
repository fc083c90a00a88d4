internal import FeatureModel

/// What reading gathers as it goes: problems, and where each path stands.
final class ReadContext {
    var problems = Problems()
    var sources = SourceMap()
}

/// Reads the fields of one object, reporting what is unknown, missing or of the wrong kind with path and line.
struct FieldReader {
    let path: String
    let mark: SourceMark?
    let context: ReadContext
    private var fields: [String: SourceNode] = [:]

    /// Takes stock of an object's fields; `nil`, with a problem, where the node is no object.
    ///
    /// - Parameter aliases: other names that a field goes by, and the field's own.
    init?(_ node: SourceNode, path: String, known: [String], aliases: [String: String] = [:], context: ReadContext) {
        self.path = path
        self.context = context
        mark = node.mark
        context.sources.set(path, node.mark)
        guard case .fields(let list) = node.content else {
            context.problems.add(path, "expected fields (\(known.joined(separator: ", "))), not \(node.kind)", at: node.mark)
            return nil
        }
        for field in list {
            let name = aliases[field.name] ?? field.name
            guard known.contains(name) else {
                let hint = hint(for: field.name, in: known, kind: "there are")
                context.problems.add(path, "unknown field '\(field.name)': \(hint)", at: field.mark)
                continue
            }
            if fields[name] != nil {
                let spelling =
                    name == field.name
                    ? "'\(name)' is given twice"
                    : "'\(field.name)' is the same as '\(name)': give one "
                        + "of them"
                context.problems.add(path, spelling, at: field.mark)
            }
            fields[name] = field.value
            context.sources.set(self.path(name), field.value.mark)
        }
    }

    /// Takes stock of the fields of a definition.
    init?<Thing: Definition>(_ node: SourceNode, of thing: Thing.Type, path: String, context: ReadContext) {
        var aliases = Thing.shapeAliases
        for field in Thing.fields { for alias in field.aliases { aliases[alias] = field.name } }
        self.init(node, path: path, known: Thing.fieldNames, aliases: aliases, context: context)
    }

    /// Takes the plain fields of a definition.
    func read<Thing: Definition>(into thing: inout Thing) {
        for field in Thing.fields { field.read(self, &thing) }
    }

    func path(_ field: String) -> String { path.isEmpty ? field : "\(path).\(field)" }

    private func fail(_ field: String, _ message: String, _ node: SourceNode? = nil) {
        context.problems.add(path(field), message, at: node?.mark ?? mark)
    }

    /// A field's value; `nil` where it is missing or null.
    func node(_ field: String) -> SourceNode? { fields[field].flatMap { $0.isNull ? nil : $0 } }

    func required(_ field: String, _ what: String) -> SourceNode? {
        if let node = node(field) { return node }
        fail(field, "missing: \(what)")
        return nil
    }

    func text(_ field: String) -> String? {
        guard let node = node(field) else { return nil }
        switch node.content {
        case .text(let text), .plain(let text): return text
        default:
            fail(field, "expected a text, not \(node.kind)", node)
            return nil
        }
    }

    func requiredText(_ field: String, _ what: String) -> String? {
        required(field, what) == nil ? nil : text(field)
    }

    /// A column name where `none` says that there is no such column.
    func column(_ field: String) -> String? { text(field).flatMap { $0 == "none" ? nil : $0 } }

    func version() -> UInt32 {
        guard let node = node("version") else { return 1 }
        let number: UInt32? =
            switch node.content {
            case .plain(let text): UInt32(digits: text)
            case .whole(let whole): UInt32(exactly: whole)
            default: nil
            }
        if let number, number > 0 { return number }
        fail("version", "expected a whole number from 1, not \(node.kind)", node)
        return 1
    }

    func duration(_ field: String) -> TimeSpan? {
        guard let node = node(field) else { return nil }
        if let text = node.scalarText {
            if text == "none" { return nil }
            if let span = TimeSpan(text) { return span }
        }
        fail(field, "bad duration \(node.kind): write a whole number above zero and a unit, such as 90s, 15m, 3h, 400d", node)
        return nil
    }

    func bool(_ field: String) -> Bool {
        guard let node = node(field) else { return false }
        switch node.content {
        case .bool(let bool): return bool
        case .plain("true"): return true
        case .plain("false"): return false
        default:
            fail(field, "expected true or false, not \(node.kind)", node)
            return false
        }
    }

    func count(_ field: String) -> Int? {
        guard let node = node(field) else { return nil }
        switch node.content {
        case .plain(let text) where UInt32(digits: text) != nil: return Int(text)
        case .whole(let whole) where (0...Int64(UInt32.max)).contains(whole): return Int(whole)
        default:
            fail(field, "expected a whole number from 0, not \(node.kind)", node)
            return nil
        }
    }

    /// A whole number from 0 of 63 bits.
    func whole(_ field: String) -> Int64? {
        guard let node = node(field) else { return nil }
        switch node.content {
        case .plain(let text):
            if let whole = Int64(text), whole >= 0, text.first != "+" { return whole }
        case .whole(let whole) where whole >= 0: return whole
        default: break
        }
        fail(field, "expected a whole number from 0, not \(node.kind)", node)
        return nil
    }

    /// A bound of a check: a number, or a time where the feature is one.
    func bound(_ field: String, of type: FeatureType) -> Bound? {
        guard let node = node(field) else { return nil }
        if type == .timestamp, let text = node.scalarText {
            if let number = Int64(text), let problem = Self.problem(withTime: number) {
                fail(field, problem, node)
                return nil
            }
            if let instant = TimeText.parse(text) { return .whole(instant) }
            fail(field, "expected a time (RFC 3339 or whole microseconds), not \(node.kind)", node)
            return nil
        }
        switch node.content {
        case .whole(let whole): return Bound(whole)
        case .real(let real) where real.isFinite: return Bound(real)
        case .plain(let text):
            if let whole = Int64(text) { return Bound(whole) }
            if let real = Double(text), real.isFinite { return Bound(real) }
        default: break
        }
        fail(field, "expected a number, not \(node.kind)", node)
        return nil
    }

    /// Why a whole number is most likely a time in another unit than
    /// microseconds; one that lies outside our time in any is taken.
    private static func problem(withTime number: Int64) -> String? {
        guard number != 0, !WholeTimes.plausible.contains(number), let likely = TimeUnit.likely(for: number),
            let instant = likely.instant(number)
        else { return nil }
        return
            "the time \(number) is \(TimeText.format(number)) when read as microseconds since 1970 UTC; in \(likely.plural) it is "
            + "\(TimeText.format(instant)): write it as text, such as \(TimeText.format(instant))"
    }

    /// The elements of a list with their paths, named by `label` where that gives a name, else by index.
    func list(_ field: String, max: Int, label: (SourceNode) -> String? = { _ in nil }) -> [(path: String, node: SourceNode)] {
        guard let node = node(field) else { return [] }
        guard case .list(let nodes) = node.content else {
            fail(field, "expected a list, not \(node.kind)", node)
            return []
        }
        guard nodes.count <= max else {
            fail(field, "\(nodes.count) of them; the limit is \(max)", node)
            return []
        }
        return nodes.enumerated().map { ("\(path(field))[\(label($1) ?? String($0))]", $1) }
    }

    /// Names with texts: tags, key mappings. Numbers and booleans are taken as they are written.
    func texts(_ field: String) -> [String: String] {
        guard let node = node(field) else { return [:] }
        guard case .fields(let list) = node.content else {
            fail(field, "expected fields with texts, not \(node.kind)", node)
            return [:]
        }
        var texts: [String: String] = [:]
        for entry in list {
            guard !entry.value.isNull, let text = entry.value.scalarText else {
                context.problems.add(
                    "\(path(field)).\(entry.name)", "expected a text, not \(entry.value.kind)", at: entry.value.mark)
                continue
            }
            texts[entry.name] = text
            context.sources.set("\(path(field)).\(entry.name)", entry.mark)
        }
        return texts
    }

    /// Names: a list, or one text.
    func names(_ field: String) -> [String] {
        switch node(field)?.content {
        case nil: []
        case .text(let name), .plain(let name): [name]
        default: textList(field, max: DefinitionLimits.oldNamesMax) ?? []
        }
    }

    /// A list of texts; `nil` where the field is missing.
    func textList(_ field: String, max: Int) -> [String]? {
        guard node(field) != nil else { return nil }
        return list(field, max: max).compactMap { path, node in
            switch node.content {
            case .text(let text), .plain(let text): return text
            default:
                context.problems.add(path, "expected a text, not \(node.kind)", at: node.mark)
                return nil
            }
        }
    }
}

extension SourceNode {
    /// What a path calls this item: its name, with its version unless that is 1.
    var label: String? {
        guard case .fields(let fields) = content, let name = fields.first(where: { $0.name == "name" })?.value, !name.isNull,
            let text = name.scalarText
        else { return nil }
        guard let version = fields.first(where: { $0.name == "version" })?.value.scalarText, version != "1" else { return text }
        return "\(text)@\(version)"
    }
}
