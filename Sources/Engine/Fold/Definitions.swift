import Catalog
import FeatureModel

extension Catalog {
    /// Folds a record: definitions change the catalog, other kinds leave it.
    ///
    /// - Throws: `.dataLoss` naming the position where the record cannot be read.
    mutating func fold(_ record: Record) throws(HeadwaterError) {
        guard record.kind == .definitions, record.position > position else { return }
        do { apply(try CatalogRecordBody.decode(record.body), position: record.position) } catch {
            throw Fold.unreadable(record, error)
        }
    }
}
