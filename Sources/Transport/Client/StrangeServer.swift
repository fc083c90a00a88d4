internal import FeatureModel
internal import Wire

/// Recognises what answers at an address and is not a Headwater server.
enum StrangeServer {
    /// How much of its answer is looked at.
    static let bytesMax = 64

    /// Says what answers there, by its first bytes; `nil` where they are those of a frame.
    static func error(_ endpoint: Endpoint, _ bytes: [UInt8]) -> HeadwaterError? {
        guard !bytes.isEmpty, !bytes.starts(with: FrameHeader.magicBytes.prefix(bytes.count)) else { return nil }
        let line = bytes.prefix { $0 != 10 && $0 != 13 }
        let isText = !line.isEmpty && line.allSatisfy { (32..<127).contains($0) }
        let said = isText ? "'\(String(decoding: line, as: UTF8.self))'" : "\(bytes.count) bytes of another protocol"
        let name = protocols.first { line.starts(with: $0.beginning.utf8) }?.name
        return HeadwaterError(
            .invalidArgument,
            "\(endpoint) is not a Headwater server: it answers \(said)\(name.map { ", which is \($0)" } ?? ""); name another address"
        )
    }

    private static let protocols = [
        ("HTTP/", "HTTP"), ("<!DOCTYPE", "HTTP"), ("<html", "HTTP"), ("SSH-", "SSH"), ("-ERR", "Redis"), ("-DENIED", "Redis"),
        ("220 ", "a mail or FTP server"),
    ].map { (beginning: $0, name: $1) }
}
