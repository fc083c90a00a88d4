import TestSupport
import Testing

@testable import Engine

@Suite struct SequenceWindowTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func itIsADictionaryWhoseOldestLeaves(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var window = SequenceWindow<Int>()
        var oracle: [UInt64: Int] = [:]
        var next: UInt64 = 0
        for step in 0..<20_000 {
            // Mostly one more, sometimes a gap, one that comes late, or the same again; also the greatest numbers.
            let sequence: UInt64 =
                switch random.next() % 16 {
                case 0: next + random.next() % 50
                case 1: next - min(next, random.next() % 400)
                case 2 where step % 1_000 == 0: .max - random.next() % 3
                default: next + 1
                }
            if sequence < 1 << 60 { next = max(next, sequence) }
            window.set(sequence, step)
            oracle[sequence] = step
            if oracle.count > 300 {
                let oldest = oracle.keys.min()!
                let removed = window.removeOldest()
                #expect(removed == oldest, "seed \(seed)")
                oracle[oldest] = nil
            }
            #expect(window.count == oracle.count)
            let asked = next - min(next, random.next() % 500)
            #expect(window[asked] == oracle[asked] && window[asked &- 1_000_000] == oracle[asked &- 1_000_000], "seed \(seed)")
        }
        let all = oracle.sorted { $0.key < $1.key }
        #expect(window.all.elementsEqual(all) { $0.sequence == $1.key && $0.value == $1.value })
        // Equal is what holds the same, whatever has left.
        var again = SequenceWindow<Int>()
        for (sequence, value) in all.reversed() { again.set(sequence, value) }
        #expect(again == window)
        again.set(all[7].key, -1)
        #expect(again != window)
    }

    @Test func anEmptyOneHasNothing() {
        var window = SequenceWindow<Int>()
        #expect(window[0] == nil && window.count == 0 && Array(window.all).isEmpty)
        window.set(5, 1)
        let oldest = window.removeOldest()
        #expect(oldest == 5 && window[5] == nil && window.count == 0 && window == SequenceWindow())
        window.set(3, 2)
        #expect(window[3] == 2 && window[5] == nil && window.count == 1)
    }
}
