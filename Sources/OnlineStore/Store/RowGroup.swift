internal import FeatureModel

/// The group of the last record of one row, so that the next one of the same stream need not look it up.
struct RowGroup {
    /// The maps in which it is as it stands here.
    let maps: UInt64
    let groupID: GroupID
    let schemaVersion: UInt32
    let cutoff: Microseconds

    func holds(_ schema: GroupSchema, in maps: MapSet) -> Bool {
        self.maps == maps.number && groupID == schema.groupID && schemaVersion == schema.schemaVersion
    }
}
