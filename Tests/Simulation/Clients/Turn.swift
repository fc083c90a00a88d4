import Catalog
import FeatureModel
import TestSupport
import Wire

/// A group whose versions come, are promoted and are removed, one turn
/// after the other: 1 is made, 2 is made, promoted, 1 removed, 3 is made, …
enum Turn: Hashable {
    case define(UInt32)
    case promote(UInt32)
    case remove(UInt32)

    static let group = "passing"
    static let count = 46

    /// The turn with this number, from 0.
    init(_ number: Int) {
        let version = UInt32((number + 2) / 3 + 1)
        switch number % 3 {
        case 0: self = number == 0 ? .define(1) : .remove(version - 1)
        case 1: self = .define(version)
        default: self = .promote(version)
        }
    }

    /// What there is after the first turns, and what the name means; `nil` before the first.
    static func standing(after count: Int) -> (versions: [UInt32], promoted: UInt32)? {
        var versions: [UInt32] = []
        var promoted: UInt32 = 1
        for number in 0..<count {
            switch Turn(number) {
            case .define(let version): versions.append(version)
            case .promote(let version): promoted = version
            case .remove(let version): versions.removeAll { $0 == version }
            }
        }
        return versions.isEmpty ? nil : (versions, promoted)
    }

    static func id(_ version: UInt32) -> GroupID { Workload.firstTurning + version - 1 }

    static func schema(_ version: UInt32) -> GroupSchema {
        GroupSchema(
            groupID: id(version), schemaVersion: 1, keys: [Field("id", .int64)], eventTimeName: "at", availableTimeName: nil,
            features: [Field("value", .float64)])
    }

    static func definitions(_ version: UInt32) -> Definitions {
        let text = """
            project: sim
            entities:
              - {name: sensor, keys: [{name: id, type: int64}]}
            feature_groups:
              - {name: passing, version: \(version), entity: sensor, event_time: at, features: [{name: value, type: float64}]}
            """
        do { return try DefinitionsFile.load(text: text, fileName: "turn").definitions } catch { preconditionFailure("\(error)") }
    }
}

extension Client {
    /// Takes the next turn; the first client alone does, and one at a time.
    func takeTurn() {
        let number = world.turns
        guard number < Turn.count, !world.isTurning, !world.mayForget else { return }
        world.isTurning = true
        let name: (UInt32) -> String = { "\(Turn.group)@\($0)" }
        switch Turn(number) {
        case .define(let version):
            let head = ApplyRequest.with { $0.project = Workload.project }
            turn(number, .apply, head, body: Turn.definitions(version).encodeJSON())
        case .promote(let version):
            let head = PromoteRequest.with {
                ($0.project, $0.kind, $0.name, $0.force) = (Workload.project, "group", name(version), true)
            }
            turn(number, .promote, head)
        case .remove(let version):
            let head = RemoveRequest.with {
                ($0.project, $0.kind, $0.name, $0.keepHistory) = (
                    Workload.project, "group", name(version), version.isMultiple(of: 2)
                )
            }
            turn(number, .remove, head)
        }
    }

    private func turn(_ number: Int, _ method: Wire.Method, _ head: some Head, body: [UInt8] = []) {
        open += 1
        online.call(method, head, body: body, timeout: 1_500_000) { [weak self] result in
            guard let self else { return }
            open -= 1
            world.isTurning = false
            switch result {
            case .success(let frame):
                guard let reply = try? ApplyReply(decoding: frame.head) else {
                    return world.violate("protocol", "the answer of a turn cannot be read")
                }
                world.checker.turned(number, at: reply.position)
                world.turns = number + 1
            case .failure(let error):
                // A removal whose answer was lost finds nothing to remove.
                if case .remove = Turn(number), error.code == .notFound, error.message.contains("was removed at position") {
                    world.turns = number + 1
                    return
                }
                refused(
                    error, "turn \(number)",
                    [.unavailable, .deadlineExceeded, .resourceExhausted]
                        + (world.mayForget ? [.notFound, .invalidArgument] : []))
                if error.code == .resourceExhausted { world.operatorSnapshots() }
            }
        }
    }
}
