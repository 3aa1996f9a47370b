/// The deadlines of groups: a heap of times, of which only the one that was set last for each group is valid.
struct GroupAlarms: Sendable {
    private var heap: [(time: Duration, group: String)] = []
    private var set: [String: Duration] = [:]

    /// The earliest alarm; nil if there is none.
    mutating func next() -> Duration? {
        while let first = heap.first {
            if set[first.group] == first.time { return first.time }
            removeFirst()
        }
        return nil
    }

    /// nil removes the group's alarm.
    mutating func set(_ time: Duration?, for group: String) {
        guard set[group] != time else { return }
        set[group] = time
        guard let time else { return }
        heap.append((time, group))
        var child = heap.count - 1
        while child > 0, isBefore(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Removes and returns a group whose alarm is due; the earliest first.
    mutating func removeDue(at now: Duration) -> String? {
        guard let time = next(), time <= now, let group = heap.first?.group else { return nil }
        removeFirst()
        set[group] = nil
        return group
    }

    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        (heap[left].time, heap[left].group) < (heap[right].time, heap[right].group)
    }

    private mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && isBefore(child, least) {
                least = child
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
