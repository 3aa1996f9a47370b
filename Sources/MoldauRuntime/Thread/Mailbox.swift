import Synchronization

/// Passes messages from any thread to the one thread that takes them: in order, each exactly once.
///
/// No message is lost when the taker ends: `close` returns the remaining ones, and later ones are refused.
package final class Mailbox<Message: Sendable>: Sendable {
    private struct State {
        var messages: [Message] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let limit: Int
    private let wake: @Sendable () -> Void

    /// - Parameters:
    ///   - limit: how many messages may wait.
    ///   - wake: ends the taker's wait. Called on the posting thread, when a message arrives in an empty mailbox.
    package init(limit: Int = .max, wake: @escaping @Sendable () -> Void) { (self.limit, self.wake) = (limit, wake) }

    /// Adds a message. May be called from any thread; does not wait for the taker.
    /// - Throws: why the message is refused.
    package func post(_ message: Message) throws(MailboxRefusal) {
        let count = try state.withLock { state throws(MailboxRefusal) in
            if state.isClosed { throw .closed }
            if state.messages.count >= limit { throw .full }
            state.messages.append(message)
            return state.messages.count
        }
        if count == 1 { wake() }
    }

    package var isEmpty: Bool { state.withLock { $0.messages.isEmpty } }

    /// Takes the oldest messages.
    package func take(upTo count: Int = .max) -> [Message] {
        state.withLock { state in
            let taken = Array(state.messages.prefix(count))
            state.messages.removeFirst(taken.count)
            return taken
        }
    }

    /// Refuses messages from now on.
    /// - Returns: the messages that were not taken.
    package func close() -> [Message] {
        state.withLock { state in
            state.isClosed = true
            defer { state.messages = [] }
            return state.messages
        }
    }
}

/// Why a mailbox refuses a message.
package enum MailboxRefusal: Error {
    /// The mailbox is full.
    case full
    /// The mailbox has been closed.
    case closed
}
