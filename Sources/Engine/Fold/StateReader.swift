import FeatureModel

extension ByteReader {
    /// - Parameter what: is cut off, where a field goes beyond the end.
    init(_ bytes: ArraySlice<UInt8>, of what: String) {
        self.init(bytes, cutOff: HeadwaterError(.dataLoss, "\(what): cut off"))
    }

    func expectEnd(of what: String) throws(HeadwaterError) {
        guard isAtEnd else { throw HeadwaterError(.dataLoss, "\(what): \(remaining.count) bytes too many") }
    }
}
