public import FeatureModel

/// A read, resolved: which keys the request brings, which groups are looked up by them, and how the outputs are called.
///
/// Valid for the catalog it was made from and for every later one: columns are never renumbered; a widened feature reads as the
/// type it had here.
public struct FeaturePlan: Sendable, Hashable {
    /// One output column, in the order in which it was listed.
    public struct Output: Sendable, Hashable {
        public let name: String
        public let type: FeatureType
        public let source: Source
    }

    /// Where an output comes from.
    public enum Source: Sendable, Hashable {
        /// Place in `reads`.
        case read(Int)
        /// Place in `expressions`.
        case expression(Int)
    }

    /// One feature that is read, for an output or for expressions.
    public struct Read: Sendable, Hashable {
        public let type: FeatureType
        /// Place in `lookups`.
        public let lookup: Int
        /// Place in that lookup's `features`.
        public let feature: Int
    }

    /// `departure_delay@1`; `nil` for a list of features.
    public let service: String?
    /// Columns that the request brings, each once, in the order of first use.
    public let keys: [Field]
    /// Columns that the request brings beside them, for the expressions.
    public let request: [Field]
    public let lookups: [Lookup]
    /// What the stores are asked for. Without expressions these are the outputs.
    public let reads: [Read]
    /// Each over reads, the request, and those before it.
    public let expressions: [PlanExpression]
    public let outputs: [Output]
    /// What of it should not be used any more.
    public let warnings: [String]

    /// Whether the outputs are the reads, in their order.
    public var isOnlyReads: Bool {
        expressions.isEmpty && outputs.count == reads.count && outputs.indices.allSatisfy { outputs[$0].source == .read($0) }
    }

    /// All columns that the request brings: the keys, then the others.
    public var columns: [Field] { keys + request }

    /// The group behind an output, such as `weather@1`; `nil` of an expression.
    public func group(of output: Output) -> String? {
        if case .read(let place) = output.source { lookups[reads[place].lookup].group } else { nil }
    }

    /// The request columns of a lookup, in the order of the group's keys.
    public func keyNames(of lookup: Lookup) -> [String] { lookup.keys.map { keys[$0].name } }
}

/// What a read asks for.
public enum FeatureSelection: Sendable, Hashable {
    /// `departure_delay`, `departure_delay@2`.
    case service(String)
    /// `weather:temp`, `weather@2:temp`, `weather:*`.
    case features([String])
}

extension FeatureSelection {
    // By bytes, as all names are.
    private var names: (isService: Bool, bytes: [ByteString]) {
        switch self {
        case .service(let name): (true, [ByteString(name)])
        case .features(let references): (false, references.map { ByteString($0) })
        }
    }

    public static func == (left: FeatureSelection, right: FeatureSelection) -> Bool { left.names == right.names }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(names.isService)
        hasher.combine(names.bytes)
    }
}
