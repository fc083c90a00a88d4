/// A first-in, first-out queue. It keeps no reference to an element that has left.
struct FIFOQueue<Element> {
    /// The elements from `head` on; those before have left and are `nil`.
    private var elements: [Element?] = []
    private var head = 0

    var isEmpty: Bool { head == elements.count }

    var first: Element? { isEmpty ? nil : elements[head] }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        if isEmpty { return nil }
        let element = elements[head].take()
        head += 1
        // At least half of them have left, so that moving the rest is amortised by the removals.
        if head == elements.count {
            (elements, head) = ([], 0)
        } else if head >= 64, head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }

    mutating func takeAll() -> [Element] {
        defer { (elements, head) = ([], 0) }
        return elements[head...].compactMap { $0 }
    }
}
