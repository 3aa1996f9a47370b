import Dispatch
import Foundation
import Synchronization

/// Notices that the user wants to stop (Control-C or a termination signal): what was read until then is still counted.
/// A second signal ends the program at once.
final class Interruption {
    private final class State: Sendable {
        let hasCome = Atomic(false)
    }

    private let state = State()
    private let sources: [any DispatchSourceSignal]

    init() {
        let state = state
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                state.hasCome.store(true, ordering: .relaxed)
                signal(number, SIG_DFL)
            }
            source.resume()
            return source
        }
    }

    var hasCome: Bool { state.hasCome.load(ordering: .relaxed) }
}
