import Synchronization

/// By which any thread hands messages to the one thread that takes them: in order, each once.
///
/// No message is lost when the taker ends: what is left goes to whoever closes, and what comes later is refused.
package final class Mailbox<Message: Sendable>: Sendable {
    private struct State {
        var messages: [Message] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let limit: Int
    private let wake: @Sendable () -> Void

    /// - Parameters:
    ///   - limit: that many messages may wait.
    ///   - wake: ends the taker's wait. Called on the posting thread, when a message comes into an empty mailbox.
    package init(limit: Int = .max, wake: @escaping @Sendable () -> Void) { (self.limit, self.wake) = (limit, wake) }

    /// Hands a message over. May be called from any thread; does not wait for the taker.
    /// - Throws: why it is not taken.
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
    /// - Returns: those that were not taken.
    package func close() -> [Message] {
        state.withLock { state in
            state.isClosed = true
            defer { state.messages = [] }
            return state.messages
        }
    }
}

/// Why a mailbox does not take a message.
package enum MailboxRefusal: Error {
    /// As many messages wait as may.
    case full
    /// Nobody takes messages out any more.
    case closed
}
