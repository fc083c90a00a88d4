internal import FeatureModel

/// The names of one service, gathered line by line: its outputs, short and full, and the keys that a request brings.
///
/// A service that clashes with itself in every way of reading it is of no use to anybody, so the planner refuses it; one that
/// only clashes in its short names can be read by full names.
struct ServiceNames {
    private struct Output {
        let place: String
        /// `weather@1:temp`.
        let feature: String
        let alias: String?
        let short: String
        let full: String
    }

    private struct RequestKey {
        let place: String
        let group: String
        let type: FeatureType
    }

    private(set) var pins: [ServicePin] = []
    /// What is refused: the line's place and the reason.
    private(set) var clashes: [(place: String, message: String)] = []
    private(set) var warnings: [String] = []
    private var outputs: [Output] = []
    private var keys: [String: RequestKey] = [:]
    private let request: [RequestColumn]
    /// Names inside the service that are no outputs, with their places.
    private var hidden: [(name: String, place: String)] = []

    init(request: [RequestColumn]) { self.request = request }

    /// Takes an expression of the service.
    mutating func add(_ expression: ServiceExpression, at place: String) {
        if expression.isHidden { return hidden.append((expression.name, place)) }
        outputs.append(
            Output(
                place: place, feature: "expression \(expression.name)", alias: expression.name, short: expression.name,
                full: expression.name))
    }

    /// Takes one output of the service.
    ///
    /// - Parameter place: of its line: `features[2]`.
    mutating func add(_ pin: ServicePin, of group: CatalogGroup, at place: String) {
        pins.append(pin)
        if pin.isHidden {
            hidden.append((pin.shortName, place))
        } else {
            outputs.append(
                Output(
                    place: place, feature: "\(group.reference):\(pin.feature)", alias: pin.alias, short: pin.shortName,
                    full: pin.alias ?? "\(group.name)__\(pin.feature)"))
        }
        for key in group.newestSchema.keys {
            let name = pin.keys[key.name] ?? key.name
            guard let known = keys[name] else {
                keys[name] = RequestKey(place: place, group: group.reference, type: key.type)
                continue
            }
            if known.type != key.type {
                refuse(
                    place,
                    "the request's key '\(name)' is \(known.type) for \(known.group) in \(known.place), and \(key.type) for "
                        + "\(group.reference) here: give one another name (keys: {\(key.name): OTHER})")
            }
        }
    }

    /// Looks for clashes, once all outputs are there.
    mutating func check() {
        checkRequest()
        checkHidden()
        checkFullNames()
        checkAliases()
        guard clashes.isEmpty else { return }
        let (short, full) = (shortNameClashes(), fullNameClashes())
        if let first = short.first, let other = full.first {
            return refuse(
                first.place,
                "\(first.message), and \(other.message): nobody could read the service; give them aliases (as: NAME)")
        }
        warnings = short.map { "\($0.message): the service is read with full names, or give one an alias (as: NAME)" }
        warnings += full.map { "\($0.message): the service cannot be read with full names" }
    }

    /// Columns of the request are called like nothing else.
    private mutating func checkRequest() {
        for (index, column) in request.enumerated() {
            let place = "request[\(index)]"
            if let key = keys[column.name] {
                refuse(place, "'\(column.name)' is also a key of \(key.group) in \(key.place): give the column another name")
            }
            let output = outputs.first { $0.short == column.name || $0.full == column.name }
            if let other = output.map({ ($0.feature, $0.place) }) ?? hidden.first(where: { $0.name == column.name }) {
                refuse(place, "'\(column.name)' is also the name of \(other.0) in \(other.1): give one of them another name")
            }
        }
    }

    /// What is hidden has a name for expressions alone, which no output has.
    private mutating func checkHidden() {
        var known = Set(outputs.map(\.short))
        for (name, place) in hidden where !known.insert(name).inserted {
            refuse(place, "'\(name)' is the name of something else in the service: give it another one (as: NAME)")
        }
    }

    private mutating func checkFullNames() {
        var owners: [String: Output] = [:]
        for output in outputs {
            guard let owner = owners.updateValue(output, forKey: output.full) else { continue }
            refuse(
                output.place,
                "'\(output.full)', the output of \(output.feature), is already that of \(owner.feature) in \(owner.place): "
                    + "give it another alias (as: NAME)")
        }
    }

    private mutating func checkAliases() {
        for output in outputs {
            guard let alias = output.alias, let key = keys[alias] else { continue }
            refuse(
                output.place,
                "the alias '\(alias)' is also a key of the request, which \(key.group) in \(key.place) is looked up by: "
                    + "give it another alias (as: NAME)")
        }
    }

    /// Outputs that need full names.
    private func shortNameClashes() -> [(place: String, message: String)] {
        var clashes: [(place: String, message: String)] = []
        var owners: [String: Output] = [:]
        for output in outputs {
            let what = "\(output.feature) in \(output.place)"
            if let owner = owners.updateValue(output, forKey: output.short) {
                clashes.append(
                    (output.place, "\(owner.feature) in \(owner.place) and \(what) are both called '\(output.short)'"))
            } else if let key = keys[output.short] {
                clashes.append((output.place, "\(what) is called '\(output.short)', as a key of \(key.group) in \(key.place) is"))
            }
        }
        return clashes
    }

    /// Outputs whose full name is that of a key.
    private func fullNameClashes() -> [(place: String, message: String)] {
        outputs.compactMap { output in
            guard output.alias == nil, let key = keys[output.full] else { return nil }
            let what = "\(output.feature) in \(output.place) has the full name '\(output.full)'"
            return (output.place, "\(what), as a key of \(key.group) in \(key.place) has")
        }
    }

    private mutating func refuse(_ place: String, _ message: String) {
        if !clashes.contains(where: { $0.place == place && $0.message == message }) { clashes.append((place, message)) }
    }
}
