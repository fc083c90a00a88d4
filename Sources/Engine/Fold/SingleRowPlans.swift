internal import Catalog
internal import FeatureModel
internal import Synchronization

/// The plans of the streams that are written just now, found by the first bytes of their bodies. For any thread.
public final class SingleRowPlans: Sendable {
    private struct Known {
        let plan: SingleRowPlan
        /// The position of the catalog that `group` is of.
        var catalogPosition: Position?
        /// What a row of the plan is checked against; `nil` where its values have checks of their own.
        var group: PlainGroup?
    }

    private struct State {
        var known: [Known] = []
        var misses = 0

        mutating func find(_ body: ArraySlice<UInt8>, _ catalog: Catalog) -> (index: Int, row: SingleRow)? {
            for index in known.indices {
                if let row = known[index].plan.row(body) { return (index, row) }
            }
            // Rows of ever other forms, such as nulls here and there, are read as
            // any other; now and then one takes an old plan's place.
            if known.count == SingleRowPlans.plansMax {
                misses += 1
                guard misses % SingleRowPlans.missesForOne == 0 else { return nil }
            }
            guard let plan = SingleRowPlan(body, schema: { catalog.group(id: $0)?.schema($1) }), let row = plan.row(body) else {
                return nil
            }
            if known.count == SingleRowPlans.plansMax { known.removeLast() }
            known.insert(Known(plan: plan), at: 0)
            return (0, row)
        }
    }

    private static let plansMax = 64
    private static let missesForOne = 16
    private let state = Mutex(State())

    public init() {}

    /// The row of a body that has a plan; `nil` for any other.
    func row(of body: ArraySlice<UInt8>, in catalog: Catalog) -> SingleRow? {
        state.withLock { $0.find(body, catalog)?.row }
    }

    /// The same, where the row passes all checks of `Catalog.checkWrite`, and the project of its group.
    func checkedRow(
        of body: ArraySlice<UInt8>, in catalog: Catalog, now: Microseconds
    ) -> (row: SingleRow, project: String)? {
        state.withLock { state in
            guard let (index, row) = state.find(body, catalog) else { return nil }
            if state.known[index].catalogPosition != catalog.position {
                state.known[index].catalogPosition = catalog.position
                state.known[index].group = catalog.plainGroup(of: row.schema)
            }
            guard let group = state.known[index].group, group.takes(eventTime: row.eventTime, now: now) else { return nil }
            return (row, group.project)
        }
    }
}
