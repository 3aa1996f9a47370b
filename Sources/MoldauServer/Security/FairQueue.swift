internal import NIOCore

/// A queue that serves its owners in turn, so that an owner with many elements does not delay the others.
struct FairQueue<Element> {
    private var waiting: [String: CircularBuffer<Element>] = [:]
    /// The owners with waiting elements; the next one first.
    private var turns = CircularBuffer<String>()

    mutating func append(_ element: Element, of owner: String) {
        if waiting[owner] == nil { turns.append(owner) }
        waiting[owner, default: CircularBuffer()].append(element)
    }

    /// Removes and returns the next element; nil if none waits.
    mutating func next() -> Element? {
        guard let owner = turns.popFirst(), let element = waiting[owner]?.popFirst() else { return nil }
        if waiting[owner]?.isEmpty == true { waiting[owner] = nil } else { turns.append(owner) }
        return element
    }
}
