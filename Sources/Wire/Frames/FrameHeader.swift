public import FeatureModel

/// The purpose of a frame. Codes are permanent.
public enum FrameKind: UInt8, Sendable, CaseIterable {
    case request = 1
    case response = 2
    case data = 3
    case end = 4
    case cancel = 5
    case credit = 6
    case goAway = 7
    case ping = 8
    case pong = 9

    /// Whether the frame is a header alone.
    var isBare: Bool { self == .cancel || self == .credit || self == .ping || self == .pong }
}

/// The method of a request. Codes are permanent.
public enum Method: UInt16, Sendable, CaseIterable {
    case hello = 1
    case apply = 2
    case plan = 3
    case list = 4
    case describe = 5
    case write = 6
    /// A get by names, as it was once: answered UNIMPLEMENTED, and its number is never used again.
    case getByNames = 7
    case prepare = 8
    case history = 9
    case scan = 10
    case latest = 11
    case status = 12
    case audit = 13
    case snapshot = 14
    case compact = 15
    case openProducer = 16
    case follow = 17
    case acknowledge = 18
    case forget = 19
    case auditDigest = 20
    case auditRows = 21
    case bootstrap = 22
    case getPrepared = 23
    case promote = 24
    case remove = 25
    case acceptClock = 26
    case report = 27

    /// Whether the answer is a stream of data frames and an `end`.
    public var isStream: Bool {
        switch self {
        case .history, .scan, .latest, .follow, .audit, .auditRows, .bootstrap: true
        default: false
        }
    }

    /// Whether data frames may follow the request.
    public var takesData: Bool { self == .history }

    /// As metrics and reports name it: `get` for a get by handle, else the method's name with underscores.
    public var plainName: String {
        if self == .getPrepared { return "get" }
        return "\(self)".reduce(into: "") { text, character in
            text += character.isUppercase ? "_\(character.lowercased())" : "\(character)"
        }
    }
}

/// The 48 bytes that every frame starts with (docs/formats/wire.md).
public struct FrameHeader: Hashable, Sendable {
    public static let byteCount = 48
    public static let magic: UInt32 = 0x3146_5748  // "HWF1"
    public static let magicBytes: [UInt8] = Array("HWF1".utf8)
    public static let version: UInt8 = 1
    static let bodyBytesOffset = 24
    static let crcOffset = 44
    static let endFlag: UInt16 = 1

    public var kind: FrameKind
    /// The method's code: also of methods that this version does not know.
    public var methodCode: UInt16 = 0
    public var requestID: UInt64 = 0
    public var headBytes = 0
    public var extensionBytes = 0
    public var bodyBytes = 0
    /// 0: no deadline.
    public var budgetMilliseconds: UInt32 = 0
    public var status = StatusCode.ok
    public var isEnd = false
    public var creditBytes: UInt32 = 0

    public init(_ kind: FrameKind, method: Method? = nil, requestID: UInt64 = 0) {
        self.kind = kind
        self.requestID = requestID
        methodCode = method?.rawValue ?? 0
    }

    public var method: Method? { Method(rawValue: methodCode) }
    /// Bytes of the whole frame.
    public var frameBytes: Int { Self.byteCount + headBytes + extensionBytes + bodyBytes }
    /// Bytes that flow control counts.
    public var payloadBytes: Int { headBytes + bodyBytes }

    /// Appends the header with a checksum of zero.
    func append(to bytes: inout [UInt8]) {
        bytes.append(littleEndian: Self.magic)
        bytes.append(Self.version)
        bytes.append(kind.rawValue)
        bytes.append(littleEndian: methodCode)
        bytes.append(littleEndian: requestID)
        bytes.append(littleEndian: UInt32(headBytes))
        bytes.append(littleEndian: UInt32(extensionBytes))
        bytes.append(littleEndian: UInt32(bodyBytes))
        bytes.append(littleEndian: budgetMilliseconds)
        bytes.append(littleEndian: status.rawValue)
        bytes.append(littleEndian: isEnd ? Self.endFlag : 0)
        bytes.append(littleEndian: creditBytes)
        bytes.append(littleEndian: UInt64(0))
    }

    /// Appends the header with a checksum of zero.
    func append(to bytes: inout OutputRawSpan) {
        bytes.append(littleEndian: Self.magic)
        bytes.append(littleEndian: Self.version)
        bytes.append(littleEndian: kind.rawValue)
        bytes.append(littleEndian: methodCode)
        bytes.append(littleEndian: requestID)
        bytes.append(littleEndian: UInt32(headBytes))
        bytes.append(littleEndian: UInt32(extensionBytes))
        bytes.append(littleEndian: UInt32(bodyBytes))
        bytes.append(littleEndian: budgetMilliseconds)
        bytes.append(littleEndian: status.rawValue)
        bytes.append(littleEndian: (isEnd ? Self.endFlag : 0))
        bytes.append(littleEndian: creditBytes)
        bytes.append(littleEndian: UInt64(0))
    }

    /// Reads a header from the first 48 bytes; the checksum is the whole frame's, and checked with it.
    ///
    /// - Throws: `.invalidArgument` for what is no frame, `.unimplemented` for another version.
    init(decoding bytes: ArraySlice<UInt8>) throws(HeadwaterError) {
        self = try bytes.withBytes { (bytes) throws(HeadwaterError) in try FrameHeader(decoding: bytes) }
    }

    init(decoding bytes: RawSpan) throws(HeadwaterError) {
        func malformed(_ what: String) -> HeadwaterError { HeadwaterError(.invalidArgument, "malformed frame: \(what)") }
        guard bytes.littleEndian(at: 0, as: UInt32.self) == Self.magic else {
            throw Self.noFrame(bytes.littleEndian(at: 0, as: UInt32.self))
        }
        let version: UInt8 = bytes.littleEndian(at: 4)
        guard version == Self.version else {
            throw HeadwaterError(.unimplemented, "frame version \(version); this side speaks \(Self.version)")
        }
        let kindCode: UInt8 = bytes.littleEndian(at: 5)
        guard let kind = FrameKind(rawValue: kindCode) else { throw malformed("kind \(kindCode)") }
        self.kind = kind
        methodCode = bytes.littleEndian(at: 6)
        requestID = bytes.littleEndian(at: 8)
        headBytes = Int(bytes.littleEndian(at: 16, as: UInt32.self))
        extensionBytes = Int(bytes.littleEndian(at: 20, as: UInt32.self))
        bodyBytes = Int(bytes.littleEndian(at: 24, as: UInt32.self))
        budgetMilliseconds = bytes.littleEndian(at: 28)
        guard let status = StatusCode(rawValue: bytes.littleEndian(at: 32)) else { throw malformed("an unknown status") }
        self.status = status
        let flags: UInt16 = bytes.littleEndian(at: 34)
        guard flags & ~Self.endFlag == 0, bytes.littleEndian(at: 40, as: UInt32.self) == 0 else {
            throw malformed("reserved bits are set")
        }
        isEnd = flags & Self.endFlag != 0
        creditBytes = bytes.littleEndian(at: 36)
        guard !kind.isBare || frameBytes == Self.byteCount else { throw malformed("a payload in \(kind)") }
    }

    /// The error that ends a connection whose first bytes are an HTTP request, as a browser sends it.
    public static let httpRequest = HeadwaterError(
        .invalidArgument, "an HTTP request: this is a Headwater server, which speaks a protocol of its own")

    private static let httpMethods: Set<UInt32> = Set(
        ["GET ", "HEAD", "POST", "PUT ", "DELE", "OPTI", "PATC", "CONN", "TRAC"].map {
            Array($0.utf8)[...].littleEndian(at: 0, as: UInt32.self)
        })

    /// - Parameter start: the first four bytes.
    static func noFrame(_ start: UInt32) -> HeadwaterError {
        httpMethods.contains(start)
            ? httpRequest
            : HeadwaterError(
                .invalidArgument, "malformed frame: it does not start with HWF1; is the other side a Headwater client?")
    }
}
