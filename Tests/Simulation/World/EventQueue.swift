import FeatureModel

/// What will happen, by virtual time; what is due at one instant happens in the order in which it was scheduled.
struct EventQueue {
    struct Event {
        let time: Microseconds
        let number: UInt64
        let name: StaticString
        let action: () -> Void
    }

    /// A binary heap, the earliest event first.
    private var heap: [Event] = []
    private var scheduled: UInt64 = 0

    mutating func schedule(_ name: StaticString, at time: Microseconds, _ action: @escaping () -> Void) {
        scheduled += 1
        heap.append(Event(time: time, number: scheduled, name: name, action: action))
        var child = heap.count - 1
        while child > 0, Self.precedes(heap[child], heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Takes out the earliest event; `nil` where none is due by `limit`.
    mutating func next(by limit: Microseconds) -> Event? {
        guard let first = heap.first, first.time <= limit else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            var parent = 0
            while true {
                var least = parent
                for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && Self.precedes(heap[child], heap[least])
                {
                    least = child
                }
                if least == parent { break }
                heap.swapAt(parent, least)
                parent = least
            }
        }
        return first
    }

    private static func precedes(_ left: Event, _ right: Event) -> Bool {
        (left.time, left.number) < (right.time, right.number)
    }
}
