public import FeatureModel
internal import Synchronization

/// Features of several groups to be read together for the keys of a request, and the order in which they are answered.
///
/// Belongs to one thread at a time: it keeps what it has worked out of the groups' schemas from read to read.
public final class OnlineReadPlan {
    /// One column of the answer.
    public struct Output: Hashable, Sendable {
        public let lookup: Int
        /// Its place among the lookup's features.
        public let feature: Int

        public init(lookup: Int, feature: Int) {
            self.lookup = lookup
            self.feature = feature
        }
    }

    public let lookups: [Lookup]
    public let outputs: [Output]
    /// An estimate of the bytes of a row's features; 0 before the first read.
    private(set) var rowBytes = 0
    /// The plan compiled for one state of the groups' schemas.
    private var compiled: CompiledPlan?

    fileprivate let isCounted: Bool

    /// - Parameter isCounted: whether hits and misses count as those of gets.
    public init(lookups: [Lookup], outputs: [Output], isCounted: Bool = true) {
        self.lookups = lookups
        self.outputs = outputs
        self.isCounted = isCounted
    }

    /// The plan with what the store knows of its groups.
    ///
    /// - Throws: `.invalidArgument` where an ordinal is not a feature's.
    func compile(_ store: OnlineStore, _ maps: MapSet) throws(HeadwaterError) -> CompiledPlan {
        // Map sets are swapped as a whole, at a snapshot or with the groups.
        if let compiled, compiled.mapsNumber == maps.number { return compiled }
        let fresh = try CompiledPlan(self, store, maps)
        compiled = fresh
        rowBytes = fresh.lookups.map(\.rowBytes).max() ?? 0
        return fresh
    }
}

/// A plan for one state of the store's groups.
final class CompiledPlan {
    /// Neighbouring outputs that stand side by side in the rows of one lookup too: of one fixed width.
    struct Run {
        let lookup: Int
        let slot: Int
        let width: Int
        var count: Int
    }

    /// The plan holds the maps' number and not the maps: a plan that nobody uses any more would keep them in memory.
    let mapsNumber: UInt64
    let lookups: [CompiledLookup]
    let outputs: [OnlineReadPlan.Output]
    let types: [FeatureType]
    /// All outputs, where every one is of a fixed width and as the newest rows hold it: the quick way.
    let runs: [Run]?

    init(_ plan: OnlineReadPlan, _ store: OnlineStore, _ maps: MapSet) throws(HeadwaterError) {
        mapsNumber = maps.number
        var lookups: [CompiledLookup] = []
        for lookup in plan.lookups {
            let counters = plan.isCounted ? store.counters(of: lookup.groupID) : GroupCounters()
            lookups.append(try CompiledLookup(lookup, maps.groups[lookup.groupID], counters))
        }
        self.lookups = lookups
        outputs = plan.outputs
        types = plan.outputs.map { plan.lookups[$0.lookup].features[$0.feature].type }
        runs = Self.runs(outputs, types, lookups)
    }

    private static func runs(
        _ outputs: [OnlineReadPlan.Output], _ types: [FeatureType], _ lookups: [CompiledLookup]
    ) -> [Run]? {
        var runs: [Run] = []
        for (output, type) in zip(outputs, types) {
            guard let width = type.fixedWidth, let newest = lookups[output.lookup].newest, newest.isDirect else { return nil }
            let slot = newest.places[output.feature].slot
            // Columns of eight bytes a cell need no padding, whatever the row count.
            if let last = runs.last, width % 8 == 0, last.width == width, last.lookup == output.lookup,
                last.slot + last.count * width == slot
            {
                runs[runs.count - 1].count += 1
            } else {
                runs.append(Run(lookup: output.lookup, slot: slot, width: width, count: 1))
            }
        }
        return runs
    }
}

/// A lookup compiled against the schema versions of its group.
final class CompiledLookup: Sendable {
    let groupID: GroupID
    let maxAge: Microseconds?
    let keys: [Int]
    let cutoff: Microseconds
    let counters: GroupCounters
    /// An estimate of the bytes of a row's features.
    let rowBytes: Int
    /// How to read the features from rows of each schema version; `nil`
    /// where the version is not known or cannot be read as asked.
    private let versions: [UInt32: CompiledVersion]
    let newest: CompiledVersion?

    init(_ lookup: Lookup, _ group: GroupState?, _ counters: GroupCounters) throws(HeadwaterError) {
        groupID = lookup.groupID
        let features = lookup.features
        maxAge = lookup.maxAge
        keys = lookup.keys
        cutoff = group?.cutoff ?? .min
        self.counters = counters
        if let newest = group?.newest, let wrong = features.first(where: { $0.ordinal < newest.featureBase }) {
            throw HeadwaterError(.invalidArgument, "column \(wrong.ordinal) of group \(groupID) is not a feature")
        }
        var versions: [UInt32: CompiledVersion] = [:]
        for (number, version) in group?.versions ?? [:] { versions[number] = CompiledVersion(version, features) }
        self.versions = versions
        newest = group?.newest.flatMap { versions[$0.schemaVersion] }
        rowBytes = newest?.layout.fixedBytes ?? 0
    }

    @inline(__always)
    func version(_ number: UInt32) -> CompiledVersion? {
        if let newest, newest.number == number { return newest }
        return versions[number]
    }
}

/// The slots of a lookup's features in packed rows of one schema version.
final class CompiledVersion: Sendable {
    /// The slot of one feature in a packed row.
    struct Place: Sendable {
        /// Its number in the layout; -1 where the version does not have it.
        let index: Int
        let slot: Int
        /// How the value is widened to the type that the lookup asks for.
        let widening: Widening
    }

    enum Widening: Sendable {
        case none
        case int32ToInt64
        case float32ToFloat64
    }

    let number: UInt32
    let layout: RowLayout
    let places: [Place]
    let bitmapBytes: Int
    /// Whether the version has every feature.
    let hasAll: Bool
    /// Whether every feature is there just as it is asked for.
    let isDirect: Bool
    /// The first feature that cannot be read as the type that is asked for: the schema moved since.
    let narrowed: String?

    init(_ version: SchemaVersion, _ features: [Lookup.Feature]) {
        number = version.schema.schemaVersion
        layout = version.layout
        var places: [Place] = []
        var narrowed: String?
        for feature in features {
            let index = feature.ordinal - version.schema.featureBase
            guard index < layout.types.count else {
                places.append(Place(index: -1, slot: 0, widening: .none))
                continue
            }
            let type = layout.types[index]
            if !type.widens(to: feature.type) {
                narrowed = narrowed ?? "feature '\(version.schema.features[index].name)' is \(type) now, not \(feature.type)"
            }
            let widening: Widening = type == feature.type ? .none : type == .int32 ? .int32ToInt64 : .float32ToFloat64
            places.append(Place(index: index, slot: layout.slots[index], widening: widening))
        }
        self.places = places
        self.narrowed = narrowed
        bitmapBytes = FeatureModel.bitmapBytes(layout.types.count)
        hasAll = places.allSatisfy { $0.index >= 0 }
        isDirect = places.allSatisfy { $0.index >= 0 && $0.widening == .none }
    }
}

/// Counts the keys of gets in one group since the store was opened: hits, misses and those beyond max_age. Any thread may use it.
public final class GroupCounters: Sendable {
    private let hits = Atomic<Int>(0)
    private let misses = Atomic<Int>(0)
    private let expired = Atomic<Int>(0)

    /// Keys that were found, that were absent or hidden, and whose row was older than max_age.
    public var current: (hits: Int, misses: Int, expired: Int) {
        (hits.load(ordering: .relaxed), misses.load(ordering: .relaxed), expired.load(ordering: .relaxed))
    }

    func add(hits: Int, misses: Int, expired: Int) {
        if hits > 0 { self.hits.add(hits, ordering: .relaxed) }
        if misses > 0 { self.misses.add(misses, ordering: .relaxed) }
        if expired > 0 { self.expired.add(expired, ordering: .relaxed) }
    }
}
