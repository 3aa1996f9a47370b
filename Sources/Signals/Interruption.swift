import Dispatch
import Foundation
import Synchronization

/// Notices that the user wants to stop the program (Control-C or a termination signal). A second signal ends it at
/// once.
package final class Interruption {
    private final class State: Sendable {
        let hasCome = Atomic(false)
    }

    private let state = State()
    private let sources: [any DispatchSourceSignal]

    /// Listens until it is released.
    /// - Parameter onSignal: called at the first signal, on its own thread.
    package init(_ onSignal: @escaping @Sendable () -> Void = {}) {
        let state = state
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                state.hasCome.store(true, ordering: .relaxed)
                onSignal()
                signal(number, SIG_DFL)
            }
            source.resume()
            return source
        }
    }

    /// Whether a signal has arrived.
    package var hasCome: Bool { state.hasCome.load(ordering: .relaxed) }
}
