internal import CCrypto

/// SHA-256 (FIPS 180-4) of bytes that come piece by piece: the one place that calls libcrypto.
@safe
public final class SHA256 {
    /// Bytes of a digest.
    public static let digestBytes = 32

    // Owned: made in `init`, freed in `deinit`, never handed out.
    private let context: OpaquePointer

    public init() {
        guard let context = unsafe EVP_MD_CTX_new(), unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("libcrypto has no SHA-256, or there is no memory for it")
        }
        unsafe self.context = context
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    public func update(_ bytes: ArraySlice<UInt8>) {
        let isTaken = unsafe bytes.withUnsafeBytes { unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count) == 1 }
        precondition(isTaken)
    }

    /// The digest of all bytes since the beginning, or since the last digest.
    public func finish() -> [UInt8] {
        let digest = unsafe [UInt8](unsafeUninitializedCapacity: Self.digestBytes) { buffer, count in
            var length: UInt32 = 0
            let isDone = unsafe EVP_DigestFinal_ex(context, buffer.baseAddress, &length) == 1
            precondition(isDone && Int(length) == Self.digestBytes)
            count = Int(length)
        }
        let isReset = unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1
        precondition(isReset)
        return digest
    }

    /// The digest of some bytes.
    public static func digest(of bytes: ArraySlice<UInt8>) -> [UInt8] {
        let hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }
}
