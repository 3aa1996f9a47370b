// How other threads access what a stream thread owns: they post work, the thread runs it between batches, and a
// completion gets the answer.
//
//     any thread                     stream thread
//     post(work, completion) ──▸ │ queue │ ──▸ at the start of a round, and after each lane's turn:
//                 │                  │           work(contents) ──▸ completion
//                 │                  │                       └── not yet ──▸ again at the start of each round
//                 │                  └──────── the thread ends or fails ──▸ completion(.threadEnded)
//                 └── ended, or full ──▸ completion(.threadEnded, .tooMany)
//
// A completion is called exactly once, whatever happens, and no later than the thread's end. A message stays with the
// thread that it was posted to: if its task has moved to another thread, the answer is an error that says so.

import Synchronization

/// Work that other threads post to a stream thread, with access to what it owns.
package final class ThreadMailbox: Sendable {
    private struct Message: Sendable {
        /// Returns false if it could not be done yet.
        let work: @Sendable (ThreadContents) -> Bool
        let refuse: @Sendable (ThreadMailboxError) -> Void
    }

    /// How many messages may wait.
    static let limit = 1_024
    /// How many messages are answered before records get their turn again.
    static let batch = 16

    private let thread: String
    private let messages: Mailbox<Message>
    /// Work that could not be done yet.
    private let postponed = Mutex<[Message]>([])
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
        post(untilDone: { .some(try work($0)) }, completion: completion)
    }

    /// Like `post`, for work that may have to wait: while it returns nil, it is called again at the start of each
    /// round.
    package func post<Answer: Sendable>(
        untilDone work: @escaping @Sendable (ThreadContents) throws -> Answer?,
        completion: @escaping @Sendable (Result<Answer, any Error>) -> Void
    ) {
        let message = Message(
            work: { contents in
                do {
                    guard let answer = try work(contents) else { return false }
                    completion(.success(answer))
                } catch {
                    completion(.failure(error))
                }
                return true
            },
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

    /// Whether no message is waiting.
    var isEmpty: Bool { messages.isEmpty }

    /// Answers the oldest messages. Called on the stream thread.
    /// - Parameter isNewRound: also retries postponed work.
    func answer(with contents: @autoclosure () -> ThreadContents, isNewRound: Bool) {
        var asked = messages.take(upTo: Self.batch)
        if isNewRound { asked = postponed.withLock { take(&$0) } + asked }
        if asked.isEmpty { return }
        let contents = contents()
        let notYet = asked.filter { !$0.work(contents) }
        if notYet.isEmpty { return }
        let refused = postponed.withLock { postponed in
            postponed += notYet
            defer { postponed.removeLast(max(0, postponed.count - Self.limit)) }
            return postponed.dropFirst(Self.limit)
        }
        for message in refused { message.refuse(.tooMany(thread: thread, waiting: Self.limit)) }
    }

    /// Called when the thread ends: all waiting callers get an error.
    func close() {
        for message in postponed.withLock({ take(&$0) }) + messages.close() { message.refuse(.threadEnded(thread)) }
    }

    private func take(_ messages: inout [Message]) -> [Message] {
        defer { messages = [] }
        return messages
    }
}
