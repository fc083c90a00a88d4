internal import CPrefetch
internal import FeatureModel
internal import Synchronization

/// The slots of one stripe in one word, so that place and number change
/// together: 16 bits the logarithm of their count, 48 the address.
///
/// A slot is 0, or 16 bits of a hash and the address of the key's newest row.
@safe
struct Slots {
    static let addressBits: UInt = 48
    static let addressMask: UInt = 1 << addressBits - 1

    let word: UInt

    /// Allocates `1 << bits` free slots.
    init(bits: Int) {
        let address = MapMemory.allocate(byteCount: 8 << bits)
        precondition(address & ~Self.addressMask == 0, "addresses of user space have 48 bits")
        let first = unsafe UnsafeMutablePointer<Atomic<UInt>>(bitPattern: address)!
        for index in 0..<1 << bits { unsafe (first + index).initialize(to: Atomic(0)) }
        word = UInt(bits) << Self.addressBits | address
    }

    init(word: UInt) { self.word = word }

    var address: UInt { word & Self.addressMask }
    var count: Int { word == 0 ? 0 : 1 << Int(word >> Self.addressBits) }
    private var mask: UInt { 1 << (word >> Self.addressBits) - 1 }
    private var first: UnsafeMutablePointer<Atomic<UInt>> { unsafe UnsafeMutablePointer(bitPattern: address)! }

    @inline(__always)
    static func tag(_ hash: UInt64) -> UInt { UInt(hash >> 40) << addressBits }

    @inline(__always)
    func index(_ hash: UInt64) -> Int { Int(UInt(hash) & mask) }

    /// The slot, and what it points to, whole.
    @inline(__always)
    subscript(index: Int) -> UInt {
        // `index` and `next` stay below the count.
        get { unsafe (first + index).pointee.load(ordering: .acquiring) }
        nonmutating set { unsafe (first + index).pointee.store(newValue, ordering: .releasing) }
    }

    @inline(__always)
    func next(_ index: Int) -> Int { Int(UInt(index + 1) & mask) }

    @inline(__always)
    func prefetch(_ hash: UInt64) { if word != 0 { unsafe headwater_prefetch(first + index(hash)) } }

    /// The newest row that a slot names; `nil` for a free one.
    @inline(__always)
    func row(at index: Int) -> StoredRow? {
        let slot = self[index]
        return slot == 0 ? nil : StoredRow(address: slot & Self.addressMask)
    }

    /// The row that the hash's first slot names, if it may be of that hash: mostly the key's own.
    @inline(__always)
    func firstRow(_ hash: UInt64) -> StoredRow? {
        if word == 0 { return nil }
        let slot = self[index(hash)]
        return slot != 0 && slot & ~Self.addressMask == Self.tag(hash) ? StoredRow(address: slot & Self.addressMask) : nil
    }

    /// The newest row of a key, and its slot.
    ///
    /// - Complexity: O(1) expected.
    @inline(__always)
    func find(_ hash: UInt64, _ groupID: GroupID, _ key: RawSpan) -> (index: Int, row: StoredRow)? {
        if word == 0 { return nil }
        var index = index(hash)
        while true {
            let slot = self[index]
            if slot == 0 { return nil }
            if slot & ~Self.addressMask == Self.tag(hash) {
                let row = StoredRow(address: slot & Self.addressMask)
                if row.isOf(groupID, key) { return (index, row) }
            }
            index = next(index)
        }
    }

    /// Puts a row of a key that is not there into the first free slot.
    func insert(_ row: StoredRow, hash: UInt64) {
        var index = index(hash)
        while self[index] != 0 { index = next(index) }
        self[index] = Self.tag(hash) | row.address
    }
}
