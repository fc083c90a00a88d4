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

    private static let plansMax = 16
    private let known = Mutex<[Known]>([])

    public init() {}

    /// The row of a body that has a plan; `nil` for any other.
    func row(of body: ArraySlice<UInt8>, in catalog: Catalog) -> SingleRow? {
        known.withLock { known in Self.find(body, catalog, &known)?.row }
    }

    /// The same, where the row passes all checks of `Catalog.checkWrite`, and the group that it is of.
    func checkedRow(of body: ArraySlice<UInt8>, in catalog: Catalog, now: Microseconds) -> SingleRow? {
        known.withLock { known in
            guard let (index, row) = Self.find(body, catalog, &known) else { return nil }
            if known[index].catalogPosition != catalog.position {
                known[index].catalogPosition = catalog.position
                known[index].group = catalog.plainGroup(of: row.schema)
            }
            guard let group = known[index].group, group.takes(eventTime: row.eventTime, now: now) else { return nil }
            return row
        }
    }

    private static func find(
        _ body: ArraySlice<UInt8>, _ catalog: Catalog, _ known: inout [Known]
    ) -> (index: Int, row: SingleRow)? {
        for index in known.indices {
            if let row = known[index].plan.row(body) { return (index, row) }
        }
        guard let plan = SingleRowPlan(body, schema: { catalog.group(id: $0)?.schema($1) }), let row = plan.row(body) else {
            return nil
        }
        if known.count == plansMax { known.removeLast() }
        known.insert(Known(plan: plan), at: 0)
        return (0, row)
    }
}
