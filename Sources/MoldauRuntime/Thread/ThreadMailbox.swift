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

import MoldauCluster
import MoldauState
import MoldauTopology

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
    private let wakeup: Wakeup
    private let messages: Mailbox<Message>

    /// - Parameter wakeup: ends the thread's wait for records.
    init(of thread: String, wakeup: Wakeup) {
        (self.thread, self.wakeup) = (thread, wakeup)
        messages = Mailbox(limit: Self.limit, wake: wakeup.signal)
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

    /// Ends the thread's wait for records because of some other news.
    func wake() { wakeup.signal() }

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

/// What the work of a message may access. Must not be kept: it belongs to the thread.
package struct ThreadContents {
    private let thread: String
    private let heldTasks: HeldTasks
    private let globalTables: GlobalTables

    init(of thread: String, _ heldTasks: HeldTasks, _ globalTables: GlobalTables) {
        (self.thread, self.heldTasks, self.globalTables) = (thread, heldTasks, globalTables)
    }

    /// The stores of a task that the thread processes.
    /// - Throws: `ThreadMailboxError.taskNotHere` if the thread does not process it (any more, or yet).
    package func stores(of task: TaskID) throws(ThreadMailboxError) -> [any StateStore] {
        guard let task = heldTasks.running.first(where: { $0.id == task }) else {
            throw .taskNotHere(task, thread: thread)
        }
        return task.stores.entries.map(\.store)
    }

    /// The thread's copies of the global tables.
    package var globalStores: [any StateStore] { globalTables.stores }
}

/// Why a stream thread did not answer. Each case holds the facts.
package enum ThreadMailboxError: Error, Equatable, CustomStringConvertible {
    /// The thread ended or failed before it answered, or is about to restart.
    case threadEnded(String)
    /// Too many messages are waiting.
    case tooMany(thread: String, waiting: Int)
    /// The task is not running on this thread, or on any.
    case taskNotHere(TaskID, thread: String?)

    package var description: String {
        switch self {
        case .threadEnded(let thread):
            "the stream thread \(thread) ended before it answered; find out which thread has the task now, and ask that one"
        case .tooMany(let thread, let waiting):
            "\(waiting) messages wait for the stream thread \(thread); ask again when it has answered some"
        case .taskNotHere(let task, let thread?):
            "the stream thread \(thread) does not process task \(task): it goes to another thread, or is being restored; ask "
                + "again, of the thread that has it then"
        case .taskNotHere(let task, nil):
            "no stream thread processes task \(task) now: it goes from one to another, or is being restored; ask again"
        }
    }
}
