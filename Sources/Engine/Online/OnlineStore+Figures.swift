public import Catalog
public import FeatureModel
public import OnlineStore

extension OnlineStore {
    /// The row counts of each group, which a plan shows.
    ///
    /// - Parameter history: rows of groups in the offline store; empty where it is not known here.
    public func figures(history: [GroupID: Int]) -> [GroupID: GroupFigures] {
        var figures = statisticsAtMost.mapValues { GroupFigures(keys: max(0, $0.rows - $0.tombstones)) }
        if history.isEmpty { return figures }
        for id in Set(figures.keys).union(history.keys) {
            figures[id, default: GroupFigures(keys: 0)].rows = history[id] ?? 0
        }
        return figures
    }
}
