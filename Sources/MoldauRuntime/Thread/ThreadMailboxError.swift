import MoldauTopology

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
            "\(waiting) messages are waiting for the stream thread \(thread); ask again when it has answered some"
        case .taskNotHere(let task, let thread?):
            "the stream thread \(thread) does not process task \(task): it is moving to another thread, or being "
                + "restored; later, ask the thread that has it then"
        case .taskNotHere(let task, nil):
            "no stream thread processes task \(task) now: it is moving between threads, or being restored; ask again"
        }
    }
}
