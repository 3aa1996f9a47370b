import ExampleSupport
import Foundation
import MoldauRecords
import Signals

/// The console of an application. For programs with threads of their own: its methods block.
public final class ShownConsole: Sendable {
    private enum State {
        case starting
        case listening(url: String)
        case ended((any Error)?)
    }

    private let console: Task<Void, Never>
    private let state: Monitor<State>

    /// Prints the page's address once the console listens, and returns then.
    /// - Parameter run: runs the console until it is cancelled, and tells when it listens.
    init(
        port: Int, run: @escaping @Sendable (_ onListening: @escaping @Sendable (String) -> Void) async throws -> Void
    ) throws(ConsoleProblem) {
        let state = Monitor(State.starting)
        self.state = state
        console = Task {
            let end: State
            do {
                try await run { url in state.withLock(wakes: true) { $0 = .listening(url: url) } }
                end = .ended(nil)
            } catch {
                end = .ended(error)
            }
            state.withLock(wakes: true) { $0 = end }
        }
        let opened = state.wait { state in
            switch state {
            case .starting: nil as Result<String, ConsoleProblem>?
            case .listening(let url): .success(url)
            case .ended(let error): .failure(ConsoleProblem(port: port, error))
            }
        }
        guard let opened else { return }
        tell("Open \(try opened.get()) in a browser.\n")
    }

    /// Lets the application run until Control-C, or as long as it works.
    public func stay(while isAtWork: () -> Bool) {
        let interruption = Interruption()
        tell("Everything is processed. Control-C ends the program.\n")
        while !interruption.hasCome, isAtWork() { Thread.sleep(forTimeInterval: 0.05) }
    }

    /// Ends it, and returns when open requests are answered.
    public func close() {
        console.cancel()
        _ = state.wait { state in if case .ended = state { true } else { nil } }
    }
}

/// A sentence that says why there is no console.
public struct ConsoleProblem: Error, CustomStringConvertible {
    public let description: String

    init(port: Int, _ error: (any Error)?) {
        let reason = error.map { ": \($0)" } ?? ""
        description = "the console cannot listen at port \(port)\(reason); --console 0 takes a free port"
    }
}
