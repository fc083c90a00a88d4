internal import FeatureModel
internal import StorageIO

/// Which segments a directory holds.
enum SegmentNames {
    /// Numbers of the named segments, rising. Other files are not looked at.
    static func list(_ storage: any Storage, _ directory: String) throws(HeadwaterError) -> [UInt64] {
        try storage.list(directory).compactMap { LogFormat.number(in: $0, prefix: "segment-", suffix: ".log") }.sorted()
    }

    /// Numbers from `first` on, without a hole.
    ///
    /// - Throws: `.dataLoss` naming the first segment that is missing.
    static func listWhole(_ storage: any Storage, _ directory: String, from first: UInt64) throws(HeadwaterError) -> [UInt64] {
        let numbers = try list(storage, directory).filter { $0 >= first }
        for index in 0..<max(1, numbers.count) where index >= numbers.count || numbers[index] != first + UInt64(index) {
            let name = LogFormat.segmentName(first + UInt64(index))
            let later = index < numbers.count ? " before \(LogFormat.segmentName(numbers[index]))" : ""
            throw HeadwaterError(
                .dataLoss, "the segment\(later) is missing: restore it from a copy", at: "\(StoragePath.join(directory, name)):0")
        }
        return numbers
    }

    /// Removes segments that had not got their names.
    static func removePrepared(_ storage: any Storage, _ directory: String) throws(HeadwaterError) {
        for name in try storage.list(directory) where LogFormat.number(in: name, prefix: "prepared-", suffix: ".log") != nil {
            try storage.remove(StoragePath.join(directory, name))
        }
    }

    /// Removes the segments below `number`, and syncs the directory where there were any.
    static func remove(_ storage: any Storage, _ directory: String, below number: UInt64) throws(HeadwaterError) {
        let removed = try list(storage, directory).filter { $0 < number }
        for number in removed { try storage.remove(StoragePath.join(directory, LogFormat.segmentName(number))) }
        if !removed.isEmpty { try storage.syncDirectory(directory) }
    }
}
