import Catalog
import Engine
import FeatureModel
import Log
import OfflineStore
import OnlineStore
import StorageIO

/// Damages every file of a data directory in every way, opens what is left, and compares all that can be read with the journal.
public struct DamageSweep: Sweep {
    public static let name = "damage"
    public static let outcomes =
        ["unharmed", "repaired", "clean prefix", "refused with location", "refused, other file"] + violations
    static let violations = [
        "refused without location", "refused without need", "wrong code", "refused after use", "silent wrong",
    ]

    let base: DamageBase
    let cases: [DamageCase]
    let truth: DamageTruth

    public init() throws {
        base = try DamageBase()
        cases = try DamageCase.all(of: base)
        truth = try DamageTruth(base)
    }

    public var count: Int { cases.count }
    public func id(_ index: Int) -> String { cases[index].id }

    public static let groupings = ["file", "damage"]

    public func groups(_ index: Int) -> [String] {
        [FileKind(path: cases[index].path)?.rawValue ?? "file of no kind", cases[index].changeName]
    }

    public func run(_ index: Int) -> Verdict {
        let damage = cases[index]
        let (image, offset) = damage.applied(to: base)
        let findings = [readOnly(image, damage), asOwner(image, damage)]
        let verdicts = findings.map { verdict(of: $0, damage, offset) }
        let worst = verdicts.map { Self.outcomes.firstIndex(of: $0.outcome)! }.max()!
        return verdicts.first { Self.outcomes[worst] == $0.outcome }!
    }

    /// What one way of opening the directory led to.
    enum Finding {
        case right(isRepaired: Bool)
        case prefix
        case refused(HeadwaterError)
        /// New writes were taken, and then it was refused.
        case refusedAfterUse(HeadwaterError)
        case wrong(String)
    }

    private func verdict(of finding: Finding, _ damage: DamageCase, _ offset: Int?) -> Verdict {
        switch finding {
        case .right(let isRepaired): return Verdict(isRepaired ? "repaired" : "unharmed")
        case .prefix: return Verdict("clean prefix")
        case .wrong(let what): return Verdict("silent wrong", what, isViolation: true)
        case .refusedAfterUse(let error): return Verdict("refused after use", error.description, isViolation: true)
        case .refused(let error):
            guard [.dataLoss, .failedPrecondition, .unimplemented, .outOfRange].contains(error.code) else {
                return Verdict("wrong code", error.description, isViolation: true)
            }
            let placing = damage.mustDoNoHarm ? "refused without need" : Self.placing(error, damage, offset)
            return Verdict(placing, error.description, isViolation: Self.violations.contains(placing))
        }
    }

    /// Whether the error names the damaged file, and for damage inside it an offset.
    private static func placing(_ error: HeadwaterError, _ damage: DamageCase, _ offset: Int?) -> String {
        var named = [damage.path]
        if case .swap(let other) = damage.change { named.append(other) }
        let text = error.description
        for path in named where text.contains(path) {
            if offset == nil || text.contains(path + ":") { return "refused with location" }
        }
        // Damage inside a file is found there; where whole files disagree, either of them may be named.
        let namesOther = offset == nil && text.contains("data/") && text.contains(":")
        return namesOther ? "refused, other file" : "refused without location"
    }
}
