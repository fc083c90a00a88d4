internal import FeatureModel
internal import StorageIO

/// Checks the 4 KiB blocks of a mapped snapshot against their checksums, each once.
struct BlockChecker {
    let map: MappedFile
    let geometry: SnapshotGeometry
    let checked: CheckedBlocks
    let checkedSums: CheckedBlocks

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

    /// Checks every block, also those that were found right before: what the scrub and the writer do.
    func verifyAll() throws(HeadwaterError) {
        for block in 0..<geometry.sumsBlockCount { try verifySums(block) }
        for block in 0..<geometry.blockCount { try verify(block) }
    }

    private func verify(_ block: Int) throws(HeadwaterError) {
        let sumsBlock = block * 4 / SnapshotFormat.blockBytes
        if !checkedSums.contains(sumsBlock) { try verifySums(sumsBlock) }
        try compare(block * SnapshotFormat.blockBytes, storedAt: geometry.sumsOffset + block * 4)
        checked.insert(block)
    }

    /// Checks a block of checksums against the checksums of checksums, which were checked at open.
    private func verifySums(_ block: Int) throws(HeadwaterError) {
        try compare(geometry.sumsOffset + block * SnapshotFormat.blockBytes, storedAt: geometry.topSumsOffset + block * 4)
        checkedSums.insert(block)
    }

    private func compare(_ offset: Int, storedAt sum: Int) throws(HeadwaterError) {
        let isRight = map.withBytes(0..<map.count) { bytes in
            CRC32C.checksum(bytes.extracting(offset..<offset + SnapshotFormat.blockBytes)) == bytes.littleEndian(at: sum)
        }
        if !isRight { throw SnapshotFile.damage(map.path, offset, "the checksum of the block does not match") }
    }
}
