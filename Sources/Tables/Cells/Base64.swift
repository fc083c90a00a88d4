/// Base64 with padding (RFC 4648, section 4), strict: no spaces, no missing padding, no bits left over.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let padding = UInt8(ascii: "=")
    private static let none: UInt8 = 0xFF

    /// What each byte stands for; `none` where it is not of the alphabet.
    private static let digits: [UInt8] = {
        var digits = [UInt8](repeating: none, count: 256)
        for (digit, byte) in alphabet.enumerated() { digits[Int(byte)] = UInt8(digit) }
        return digits
    }()

    static func append(_ bytes: ArraySlice<UInt8>, to output: inout [UInt8]) {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let count = min(3, bytes.endIndex - index)
            var group: UInt32 = 0
            for place in 0..<count { group |= UInt32(bytes[index + place]) << UInt32(16 - 8 * place) }
            for place in 0..<4 {
                output.append(place <= count ? alphabet[Int(group >> UInt32(18 - 6 * place) & 63)] : padding)
            }
            index += count
        }
    }

    /// The bytes that the text stands for; `nil` where it is not base64.
    static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var index = text.startIndex
        while index < text.endIndex {
            let isLast = index + 4 == text.endIndex
            let pads = !isLast || text[index + 3] != padding ? 0 : text[index + 2] != padding ? 1 : 2
            var group: UInt32 = 0
            for place in 0..<4 - pads {
                let digit = digits[Int(text[index + place])]
                guard digit != none else { return nil }
                group |= UInt32(digit) << UInt32(18 - 6 * place)
            }
            let count = 3 - pads
            for place in 0..<count { bytes.append(UInt8(truncatingIfNeeded: group >> UInt32(16 - 8 * place))) }
            guard pads == 0 || group & (pads == 1 ? 0xFF : 0xFFFF) == 0 else { return nil }
            index += 4
        }
        return bytes
    }
}
