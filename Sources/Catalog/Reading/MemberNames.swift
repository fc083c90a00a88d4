internal import FeatureModel
internal import Foundation

/// Finds a member that stands twice in an object of a JSON text, which is known to be one.
struct MemberNames {
    private let bytes: ArraySlice<UInt8>
    private var index: Int

    /// - Parameter bytes: valid JSON.
    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        index = bytes.startIndex
    }

    /// An object or list that is open, and the names that the object has had so far.
    private struct Open {
        var names: Set<ByteString> = []
        /// Of the member that is being read; `nil` in a list.
        var name: ByteString?
        /// Of the element that is being read; `nil` in an object.
        var element: Int?
    }

    /// The path of the first such member, in quotes: `'feature_groups[0].name'`.
    ///
    /// - Complexity: O(bytes).
    mutating func firstGivenTwice() -> String? {
        var open: [Open] = []
        var isName = false
        while index < bytes.endIndex {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "{"):
                open.append(Open())
                isName = true
            case UInt8(ascii: "["): open.append(Open(element: 0))
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                _ = open.popLast()
                isName = false
            case UInt8(ascii: ","):
                guard let last = open.indices.last else { continue }
                if let element = open[last].element { open[last].element = element + 1 } else { isName = true }
            case UInt8(ascii: "\""):
                let text = string()
                guard isName, let last = open.indices.last else { continue }
                isName = false
                open[last].name = text
                if !open[last].names.insert(text).inserted { return Self.path(open) }
            default: break
            }
        }
        return nil
    }

    /// Reads the rest of a string, behind its first quotation mark.
    private mutating func string() -> ByteString {
        let start = index
        var isEscaped = false
        while index < bytes.endIndex, bytes[index] != UInt8(ascii: "\"") {
            if bytes[index] == UInt8(ascii: "\\") {
                isEscaped = true
                index += 1
            }
            index += 1
        }
        let text = bytes[start..<min(index, bytes.endIndex)]
        index += 1
        guard isEscaped else { return ByteString(text) }
        let quoted = Data([UInt8(ascii: "\"")] + text + [UInt8(ascii: "\"")])
        return (try? JSONDecoder().decode(String.self, from: quoted)).map { ByteString($0) } ?? ByteString(text)
    }

    private static func path(_ open: [Open]) -> String {
        var path = ""
        for one in open {
            if let element = one.element {
                path += "[\(element)]"
            } else if let name = one.name {
                path += (path.isEmpty ? "" : ".") + String(decoding: name.bytes, as: UTF8.self)
            }
        }
        return "'\(path)'"
    }
}
