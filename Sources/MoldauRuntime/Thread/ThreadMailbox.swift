// How other threads access what a stream thread owns: they post work, the thread runs it between batches, and a
// completion gets the answer.
//
//     any thread                     stream thread
//     post(work, completion) ──▸ │ queue │ ──▸ at the start of a round, and after each lane's turn:
//                 │                  │           work(contents) ──▸ completion
//                 │                  └──────── the thread ends or fails ──▸ completion(.threadEnded)
//                 └── ended, or full ──▸ completion(.threadEnded, .tooMany)
//
// A completion is called exactly once, whatever happens, and no later than the thread's end. A message stays with the
// thread that it was posted to: if the task that it is about has moved to another thread, the answer is an error that
// says so.

/// Work that other threads want a stream thread to do, with access to what it owns.
package final class ThreadMailbox: Sendable {
    private struct Message: Sendable {
        let work: @Sendable (ThreadContents) -> Void
        let refuse: @Sendable (ThreadMailboxError) -> Void
    }

    /// How many messages may wait.
    static let limit = 1_024
    /// How many messages are answered before records get their turn again.
    static let batch = 16

    private let thread: String
    private let messages: Mailbox<Message>
    /// Ends the thread's wait for records.
    let wake: @Sendable () -> Void

    init(of thread: String, wake: @escaping @Sendable () -> Void) {
        (self.thread, self.wake) = (thread, wake)
        messages = Mailbox(limit: Self.limit, wake: wake)
    }

    /// Runs `work` on the thread between two batches, in the order of the posts. May be called from any thread; returns
    /// at once.
    /// - Parameters:
    ///   - work: called on the stream thread, which does nothing else meanwhile. It sees uncommitted data.
    ///   - completion: gets the result of `work`, on the stream thread, or a `ThreadMailboxError`, on that thread or on
    ///     the calling one. Called exactly once. It must not block.
    package func post<Answer: Sendable>(
        _ work: @escaping @Sendable (ThreadContents) throws -> Answer,
        completion: @escaping @Sendable (Result<Answer, any Error>) -> Void
    ) {
        let message = Message(
            work: { contents in completion(Result { try work(contents) }) },
            refuse: { completion(.failure($0)) })
        do {
            try messages.post(message)
        } catch {
            switch error {
            case .full: message.refuse(.tooMany(thread: thread, waiting: Self.limit))
            case .closed: message.refuse(.threadEnded(thread))
            }
        }
    }

    /// Whether no message waits.
    var isEmpty: Bool { messages.isEmpty }

    /// Answers the oldest messages. Called on the stream thread.
    func answer(with contents: @autoclosure () -> ThreadContents) {
        let asked = messages.take(upTo: Self.batch)
        if asked.isEmpty { return }
        let contents = contents()
        for message in asked { message.work(contents) }
    }

    /// Called when the thread does nothing more: all waiting callers get an error.
    func close() { for message in messages.close() { message.refuse(.threadEnded(thread)) } }
}
