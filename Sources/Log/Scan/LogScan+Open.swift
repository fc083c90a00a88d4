internal import FeatureModel
internal import StorageIO

extension LogScan {
    /// Scans a log that somebody else may be writing, without touching it.
    ///
    /// - Throws: `.notFound` where there is no log, and as the scan does.
    static func reading(
        _ storage: any Storage, _ directory: String, _ extent: Extent, visit: (ScannedRecord) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) -> (scan: LogScan, control: Control) {
        let control = try Control.load(storage, directory)
        guard control.state != .creating else {
            throw HeadwaterError(
                .notFound, "the log's creation was interrupted; opening it for writing completes it", at: directory)
        }
        let page = try DurablePage(storage, directory, writable: false)
        try control.check(page)
        let durable = control.durable(or: page, directory)
        return (try LogScan(storage, directory, control: control, durable: durable, extent: extent, visit: visit), control)
    }
}

extension Control {
    /// The greatest position that this or the page knows to be durable, and which file says so.
    func durable(or page: DurablePage, _ directory: String) -> (position: Position, place: String) {
        page.greatestPosition > durable
            ? (page.greatestPosition, "\(page.path):64") : (durable, "\(StoragePath.join(directory, LogFormat.controlName)):48")
    }

    func check(_ page: DurablePage) throws(HeadwaterError) {
        guard page.logID == logID else {
            throw HeadwaterError(.dataLoss, "the page belongs to log \(page.logID), not to \(logID)", at: "\(page.path):16")
        }
    }
}
