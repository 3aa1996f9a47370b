internal import NIOCore

/// What waits, by who has it wait: each gets a turn after the others, so that who has much keeps nobody out.
struct FairQueue<Element> {
    private var waiting: [String: CircularBuffer<Element>] = [:]
    /// Those who have something waiting; the next one first.
    private var turns = CircularBuffer<String>()

    mutating func append(_ element: Element, of owner: String) {
        if waiting[owner] == nil { turns.append(owner) }
        waiting[owner, default: CircularBuffer()].append(element)
    }

    /// Takes what is next; nil if nothing waits.
    mutating func next() -> Element? {
        guard let owner = turns.popFirst(), let element = waiting[owner]?.popFirst() else { return nil }
        if waiting[owner]?.isEmpty == true { waiting[owner] = nil } else { turns.append(owner) }
        return element
    }
}
