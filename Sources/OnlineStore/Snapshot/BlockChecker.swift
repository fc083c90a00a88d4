internal import FeatureModel
internal import StorageIO

/// Checks the 4 KiB blocks of a mapped snapshot against their checksums, each once.
struct BlockChecker {
    let path: String
    let map: MappedFile
    let geometry: SnapshotGeometry
    let checked: AtomicBitSet
    let checkedSums: AtomicBitSet

    /// Checks the blocks of `range` that have not been checked yet.
    ///
    /// - Throws: `.dataLoss` with `file:offset` of the block.
    func check(_ range: Range<Int>) throws(HeadwaterError) {
        if range.isEmpty { return }
        for block in range.lowerBound / SnapshotFormat.blockBytes...(range.upperBound - 1) / SnapshotFormat.blockBytes
        where !checked.contains(block) {
            try verify(block)
        }
    }

    /// Blocks between two steps, a quarter of a mebibyte: about a tenth of a millisecond.
    private static let stepBlocks = 64

    /// Checks every block, also those that were found right before: what the writer does.
    ///
    /// - Parameter pause: called between steps; what it throws ends the check.
    func verifyAll(pause: () throws(HeadwaterError) -> Void = {}) throws(HeadwaterError) {
        try verifyAll { (step) throws(HeadwaterError) in
            if case .damaged(let error) = step { throw error }
            try pause()
        }
    }

    /// Checks every block, and goes on behind those that do not hold: from then on no read is served from those.
    func verifyAll(_ visit: ScrubVisit) throws(HeadwaterError) {
        for block in 0..<geometry.sumsBlockCount {
            do throws(HeadwaterError) { try verifySums(block) } catch { try visit(.damaged(error)) }
        }
        var read = 0
        for block in 0..<geometry.blockCount {
            // A block whose checksum is damaged counts as damaged; it was reported with the others of that sum.
            if !checkedSums.contains(block * 4 / SnapshotFormat.blockBytes) {
                checked.remove(block)
                continue
            }
            do throws(HeadwaterError) { try verify(block) } catch { try visit(.damaged(error)) }
            read += 1
            if read == Self.stepBlocks {
                try visit(.checked(bytes: read * SnapshotFormat.blockBytes, rows: 0))
                read = 0
            }
        }
        try visit(.checked(bytes: read * SnapshotFormat.blockBytes, rows: 0))
    }

    private func verify(_ block: Int) throws(HeadwaterError) {
        let sumsBlock = block * 4 / SnapshotFormat.blockBytes
        if !checkedSums.contains(sumsBlock) { try verifySums(sumsBlock) }
        // A block that does not hold any more loses its mark: each read that touches it is refused.
        checked.remove(block)
        try compare(block * SnapshotFormat.blockBytes, storedAt: geometry.sumsOffset + block * 4)
        checked.insert(block)
    }

    /// Checks a block of checksums against the checksums of checksums, which were checked at open.
    private func verifySums(_ block: Int) throws(HeadwaterError) {
        checkedSums.remove(block)
        try compare(geometry.sumsOffset + block * SnapshotFormat.blockBytes, storedAt: geometry.topSumsOffset + block * 4)
        checkedSums.insert(block)
    }

    private func compare(_ offset: Int, storedAt sum: Int) throws(HeadwaterError) {
        let isRight = map.withBytes(0..<map.count) { bytes in
            CRC32C.checksum(bytes.extracting(offset..<offset + SnapshotFormat.blockBytes)) == bytes.littleEndian(at: sum)
        }
        if !isRight { throw SnapshotFile.damage(path, offset, "the checksum of the block does not match") }
    }
}
