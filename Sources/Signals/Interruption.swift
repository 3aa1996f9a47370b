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
    private let signals: [Int32]
    private let sources: [any DispatchSourceSignal]

    /// Listens until it is released.
    /// - Parameters:
    ///   - signals: the numbers of the signals that it listens to.
    ///   - onSignal: called at the first signal of each kind, on its own thread.
    package init(of signals: [Int32] = [SIGINT, SIGTERM], _ onSignal: @escaping @Sendable () -> Void = {}) {
        let state = state
        self.signals = signals
        sources = signals.map { number in
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

    deinit {
        for source in sources { source.cancel() }
        for number in signals { signal(number, SIG_DFL) }
    }

    /// Whether a signal has arrived.
    package var hasCome: Bool { state.hasCome.load(ordering: .relaxed) }
}
