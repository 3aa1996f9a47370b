import ExampleSupport
import Moldau
import Synchronization

/// Prints, after a restart, how much of the changelogs was replayed. Called on stream threads.
final class RestoreReport: Sendable {
    private let isRestart: Bool
    private let hasReplayed = Mutex(false)

    init(isRestart: Bool) { self.isRestart = isRestart }

    func note(_ progress: RestoreProgress) {
        guard isRestart, progress.phase == .finished else { return }
        hasReplayed.withLock { $0 = true }
        let reason = progress.rebuiltBecause.map { " (from the beginning: \($0))" } ?? ""
        say(
            "restart: replayed \(progress.restoredCount) records of \(progress.changelog), from the store's own offset "
                + "\(progress.from) to \(progress.to)\(reason)")
    }

    func note(_ state: StreamsState) {
        guard isRestart, state == .running, !hasReplayed.withLock({ $0 }) else { return }
        say("restart: nothing to replay, the stores hold everything")
    }

    private func say(_ sentence: String) { tell("\(sentence)\n") }
}
