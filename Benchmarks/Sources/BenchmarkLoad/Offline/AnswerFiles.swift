internal import FeatureModel
internal import Foundation

/// An answer as raw columns: cells of 8 bytes, zero where there is
/// none, and a byte of one or zero that says whether there is one.
public struct AnswerFiles {
    public let directory: String

    public init(_ directory: String) throws {
        self.directory = directory
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    /// - Parameter columns: of one name, part after part.
    func write(_ columns: [Column], named name: String) throws {
        var cells = Data()
        var isThere = Data()
        for column in columns {
            unsafe column.data.withUnsafeBytes { unsafe cells.append(contentsOf: $0) }
            isThere.append(contentsOf: (0..<column.count).map { column.isNull($0) ? 0 : 1 })
        }
        try cells.write(to: URL(fileURLWithPath: "\(directory)/\(name).bin"))
        try isThere.write(to: URL(fileURLWithPath: "\(directory)/\(name).valid"))
    }

    func remove() { try? FileManager.default.removeItem(atPath: directory) }

    /// "same" where every cell has the same bits; else how many differ, and the first.
    public func compared(to other: AnswerFiles, _ features: [String]) throws -> String {
        var different = 0
        var first: String?
        for feature in features {
            let (cells, otherCells) = (try read("\(feature).bin"), try other.read("\(feature).bin"))
            let (isThere, otherIsThere) = (try read("\(feature).valid"), try other.read("\(feature).valid"))
            guard isThere.count == otherIsThere.count else { return "\(otherIsThere.count) rows, not \(isThere.count)" }
            guard cells != otherCells || isThere != otherIsThere else { continue }
            for row in 0..<isThere.count where text(cells, isThere, row) != text(otherCells, otherIsThere, row) {
                different += 1
                let found = "\(text(otherCells, otherIsThere, row)), not \(text(cells, isThere, row))"
                first = first ?? "\(feature) of row \(row): \(found)"
            }
        }
        return first.map { "\(different) cells differ, first \($0)" } ?? OfflineFigures.same
    }

    private func read(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(name)")) }

    private func text(_ cells: Data, _ isThere: Data, _ row: Int) -> String {
        guard isThere[row] == 1 else { return "null" }
        let bits = (0..<8).reduce(UInt64(0)) { $0 | UInt64(cells[row * 8 + $1]) << UInt64(8 * $1) }
        return "0x" + String(bits, radix: 16)
    }
}
