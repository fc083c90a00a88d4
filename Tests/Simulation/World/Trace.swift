import FeatureModel

/// What happened, folded into one number, and printed where somebody looks: the same seed gives the same trace.
struct Trace {
    /// FNV-1a, 64 bits. *Source*: Fowler, Noll, Vo; http://www.isthe.com/chongo/tech/comp/fnv/
    private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    let print: ((String) -> Void)?

    mutating func note(_ time: Microseconds, _ name: StaticString, _ numbers: [UInt64], _ detail: () -> String) {
        mix(UInt64(bitPattern: time))
        for byte in "\(name)".utf8 { mix(byte: byte) }
        for number in numbers { mix(number) }
        guard let print else { return }
        let seconds = "\(time / 1_000_000)." + "\(1_000_000 + time % 1_000_000)".dropFirst()
        let shown = ([detail()] + numbers.map { "\($0)" }).filter { !$0.isEmpty }.joined(separator: " ")
        print("\(seconds) \(name) \(shown)")
    }

    private mutating func mix(_ number: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) { mix(byte: UInt8(truncatingIfNeeded: number >> UInt64(shift))) }
    }

    private mutating func mix(byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
}
