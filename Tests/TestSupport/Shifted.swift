/// The same bytes as a slice that starts `shift` bytes into its storage: what a codec sees of a frame's middle.
public func shifted(_ bytes: some Collection<UInt8>, by shift: Int) -> ArraySlice<UInt8> {
    (Array(repeating: 0xA5, count: shift) + Array(bytes) + [0x5A])[shift..<shift + bytes.count]
}
