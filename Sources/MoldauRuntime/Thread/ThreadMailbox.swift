// How other threads get at what a stream thread owns: they post work, the thread does it between batches, and a completion gets the
// answer.
//
//     any thread                      stream thread
//     post(work, completion) ──▸ │ queue │ ──▸ beginning of a round, and after each lane's turn: work(contents) ──▸ completion
//                 │                  └──────── the thread ends or fails ──────────────────▸ completion(.threadEnded)
//                 └── ended, or full ──▸ completion(.threadEnded, .tooMany)
//
// A completion is called exactly once, whatever happens, and never later than the thread's end. A message stays with the thread
// that it was posted to: where the task that it is about has gone to another thread, the answer is an error that says so.

import MoldauCluster
import MoldauState
import MoldauTopology

/// Work that other threads want done by a stream thread, with what it owns.
package final class ThreadMailbox: Sendable {
    private struct Message: Sendable {
        let work: @Sendable (ThreadContents) -> Void
        let refuse: @Sendable (ThreadMailboxError) -> Void
    }

    /// Messages that may wait.
    static let limit = 1_024
    /// Messages that are answered before records have their turn again.
    static let batch = 16

    private let thread: String
    private let wakeup: Wakeup
    private let messages: Mailbox<Message>

    /// - Parameter wakeup: ends the thread's wait for records.
    init(of thread: String, wakeup: Wakeup) {
        (self.thread, self.wakeup) = (thread, wakeup)
        messages = Mailbox(limit: Self.limit, wake: wakeup.signal)
    }

    /// Has the thread do something between two batches, in the order of the posts. May be called from any thread; returns at once.
    /// - Parameters:
    ///   - work: called on the stream thread, which does nothing else meanwhile. It sees what was not committed yet.
    ///   - completion: gets what `work` returns or throws, on the stream thread, or a `ThreadMailboxError`, on that thread or on
    ///     this one. Called exactly once. It must not block.
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

    /// Ends the thread's wait for records: something else than a message is new to it.
    func wake() { wakeup.signal() }

    /// Whether nobody waits for an answer.
    var isEmpty: Bool { messages.isEmpty }

    /// Answers the oldest messages. On the stream thread.
    func answer(with contents: @autoclosure () -> ThreadContents) {
        let asked = messages.take(upTo: Self.batch)
        if asked.isEmpty { return }
        let contents = contents()
        for message in asked { message.work(contents) }
    }

    /// The thread does nothing any more: who waits is told.
    func close() { for message in messages.close() { message.refuse(.threadEnded(thread)) } }
}

/// What a message to a stream thread may look at. Not to be kept: it is the thread's own.
package struct ThreadContents {
    private let thread: String
    private let heldTasks: HeldTasks
    private let globalTables: GlobalTables

    init(of thread: String, _ heldTasks: HeldTasks, _ globalTables: GlobalTables) {
        (self.thread, self.heldTasks, self.globalTables) = (thread, heldTasks, globalTables)
    }

    /// The stores of a task that the thread processes.
    /// - Throws: `ThreadMailboxError.taskNotHere` where it processes it no more, or not yet.
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
    /// The thread ended or failed before it came to it, or is about to begin anew.
    case threadEnded(String)
    /// As many messages wait as may.
    case tooMany(thread: String, waiting: Int)
    /// No running task of the thread, or of any.
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
