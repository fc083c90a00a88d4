import FeatureModel
import Foundation
import Synchronization

/// What one client process did and was told, line by line, in the order in which it happened: the checker believes nothing else.
///
/// | line | |
/// | --- | --- |
/// | `S id time` | about to be sent for the first time |
/// | `A id time position ingest duplicate` | acknowledged |
/// | `U id time code message` | no answer, or an error: taken or not |
/// | `L position code` | a read that asked for this position was told that it is lost |
/// | `V promise message` | a promise was seen broken |
/// | `P token gets histories refused` | paused: nothing is under way; reads so far |
///
/// Times are nanoseconds of the machine's monotonic clock, the same in all processes.
final class Journal: Sendable {
    enum Line {
        case sent(RequestID)
        case acknowledged(RequestID, Position, ingest: Microseconds, isDuplicate: Bool)
        case unknown(RequestID, HeadwaterError)
        case lost(Position, StatusCode)
        case violation(String, String)
        case paused(String, gets: Int, histories: Int, refused: Int)

        var text: String {
            switch self {
            case .sent(let id): "S \(id.value) \(Journal.now())"
            case .acknowledged(let id, let position, let ingest, let isDuplicate):
                "A \(id.value) \(Journal.now()) \(position) \(ingest) \(isDuplicate ? 1 : 0)"
            case .unknown(let id, let error):
                "U \(id.value) \(Journal.now()) \(error.code.rawValue) \(Journal.flat(error.description))"
            case .lost(let position, let code): "L \(position) \(code.rawValue)"
            case .violation(let promise, let message): "V \(promise) \(Journal.flat(message))"
            case .paused(let token, let gets, let histories, let refused): "P \(token) \(gets) \(histories) \(refused)"
            }
        }
    }

    /// One system call a line: a line is in the file before what it tells of goes on.
    private let file: Mutex<FileHandle>

    init(path: String) throws {
        guard FileManager.default.createFile(atPath: path, contents: nil), let handle = FileHandle(forWritingAtPath: path) else {
            throw CocoaError(.fileWriteUnknown)
        }
        file = Mutex(handle)
    }

    func add(_ line: Line) {
        file.withLock { file in
            // Text and time are made under the lock, so that times rise with the lines.
            do { try file.write(contentsOf: Data((line.text + "\n").utf8)) } catch {
                fatalError("the journal cannot be written: \(error)")
            }
        }
    }

    static func now() -> UInt64 { DispatchTime.now().uptimeNanoseconds }

    private static func flat(_ text: String) -> String { text.split(whereSeparator: \.isNewline).joined(separator: " ") }
}
