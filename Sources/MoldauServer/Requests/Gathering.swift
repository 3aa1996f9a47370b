internal import Synchronization

/// Collects the results of several calls that end in any order, and calls back when all have ended.
final class Gathering<Element: Sendable>: Sendable {
    private struct State: Sendable {
        var elements: [Element?]
        var left: Int
    }

    private let state: Mutex<State>
    private let completion: @Sendable ([Element]) -> Void

    /// - Parameter count: the number of results; if it is 0, `completion` is called at once.
    init(count: Int, then completion: @escaping @Sendable ([Element]) -> Void) {
        state = Mutex(State(elements: Array(repeating: nil, count: count), left: count))
        self.completion = completion
        if count == 0 { completion([]) }
    }

    /// Stores one result; to be called once for each place.
    func set(_ element: Element, at place: Int) {
        let all: [Element]? = state.withLock { state in
            state.elements[place] = element
            state.left -= 1
            return state.left == 0 ? state.elements.compactMap(\.self) : nil
        }
        if let all { completion(all) }
    }
}
