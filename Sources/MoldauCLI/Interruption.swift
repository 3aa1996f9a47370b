import Dispatch
import Foundation
import MoldauCluster
import Synchronization

/// Notices that the user wants to stop (Control-C or a termination signal) and wakes the consumer. A second signal ends
/// the program at once.
final class Interruption {
    private let sources: [any DispatchSourceSignal]
    private let state = State()

    private final class State: Sendable {
        let hasCome = Atomic(false)
    }

    init(waking wakeup: Wakeup) {
        let state = state
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                state.hasCome.store(true, ordering: .relaxed)
                wakeup.signal()
                signal(number, SIG_DFL)
            }
            source.resume()
            return source
        }
    }

    var hasCome: Bool { state.hasCome.load(ordering: .relaxed) }
}
