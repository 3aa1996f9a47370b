internal import NIOCore

/// Puts the answers of a connection into the order of its requests.
///
/// Requests start in order, and are answered in any order; an answer is released when all before it are.
struct AnswerSlots<Answer> {
    /// The answers from the oldest unanswered request on.
    private var answers = CircularBuffer<Answer?>()
    private var first = 0

    /// How many requests have started whose answers have not been released.
    var count: Int { answers.count }

    /// Called when a request starts.
    /// - Returns: its number, for `complete`.
    mutating func begin() -> Int {
        answers.append(nil)
        return first + answers.count - 1
    }

    /// Whether the request has not been answered.
    func isOpen(_ number: Int) -> Bool {
        let place = number - first
        return place >= 0 && answers[answers.index(answers.startIndex, offsetBy: place)] == nil
    }

    /// Stores the answer of a request, which must not have one yet.
    /// - Returns: the answers that are released by this, in order.
    mutating func complete(_ number: Int, _ answer: Answer, _ leave: (Answer) -> Void) {
        let place = number - first
        precondition(answers.indices.contains(answers.index(answers.startIndex, offsetBy: place)), "answered twice")
        answers[answers.index(answers.startIndex, offsetBy: place)] = answer
        while let next = answers.first, let answer = next {
            answers.removeFirst()
            first += 1
            leave(answer)
        }
    }
}
