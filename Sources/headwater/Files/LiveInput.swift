import FeatureModel
import Foundation
import StorageIO
import Synchronization
import Tables

/// Text that comes bit by bit, read once: standard input, a pipe, or a file of rows.
final class LiveInput: Sendable {
    private static let chunkBytes = 64 << 10

    private struct State {
        var isWaiting = false
        var isStopped = false
    }

    let name: String
    let format: TableFormat
    private let handle: FileHandle
    private let state = Mutex(State())

    /// - Parameters:
    ///   - path: a pipe or file of text, or `-` for standard input.
    ///   - format: `nil` for what the name tells; standard input is CSV.
    /// - Throws: `.notFound`, `.permissionDenied`, `.invalidArgument` for a name that tells no format, or a packed one.
    init(path: String, format: TableFormat?) throws(HeadwaterError) {
        if path == "-" {
            (name, self.format, handle) = ("standard input", format ?? .csv, .standardInput)
            return
        }
        name = path
        if try PackedTable(path: path, format: format) != nil {
            throw HeadwaterError(.invalidArgument, "is packed: unpack it into a pipe, or leave --stream out", at: path)
        }
        self.format = if let format { format } else { try TableFormat(path: path) }
        guard let opened = FileHandle(forReadingAtPath: path) else { throw InputTable.cannotRead(path) }
        handle = opened
    }

    /// The bytes as they come. Reading waits for them, and for nothing else: it belongs to a thread of its own.
    ///
    /// - Throws: `.cancelled` once the input was stopped.
    func next() throws(HeadwaterError) -> ArraySlice<UInt8>? {
        try wait(true)
        let descriptor = OpenDescriptor(handle.fileDescriptor, name: name)
        let bytes = try descriptor.readAvailable(countMax: Self.chunkBytes)
        try wait(false)
        return bytes.isEmpty ? nil : bytes[...]
    }

    private func wait(_ isWaiting: Bool) throws(HeadwaterError) {
        let isStopped = state.withLock { state in
            state.isWaiting = isWaiting
            return state.isStopped
        }
        if isStopped { throw HeadwaterError(.cancelled, "interrupted", at: name) }
    }

    /// Ends the input behind what was read.
    ///
    /// - Returns: whether its reader waits for more, and so has passed on all that there was.
    func stop() -> Bool {
        state.withLock { state in
            state.isStopped = true
            return state.isWaiting
        }
    }
}
