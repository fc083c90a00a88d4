/// Those that wait, in their order: the first leaves first. Nothing of who has left stays here.
struct Line<Element> {
    /// From `head` on; what stands before has left and is empty.
    private var elements: [Element?] = []
    private var head = 0

    var isEmpty: Bool { head == elements.count }

    var first: Element? { isEmpty ? nil : elements[head] }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        if isEmpty { return nil }
        let element = elements[head].take()
        head += 1
        // Half of them have left at least, so that moving the rest costs less than was done.
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
