// Asks every stream thread, through its mailbox, for what its tasks did and wait for.

import MoldauRecords
import MoldauState
import MoldauTopology
import Synchronization

extension StreamsEngine {
    /// How long threads may take to answer.
    private static var answerTime: Duration { .seconds(2) }

    /// - Throws: `CancellationError`.
    package func explain() async throws -> Explanation { Explanation(try await explained()) }

    /// What is known of the application now.
    func explained() async throws -> ExplainedApplication {
        let (loops, state, isPaused, failure, plan) = inner.withLock { inner in
            (inner.loops.sorted { $0.key < $1.key }, inner.state, inner.isPaused, inner.failure, inner.plan)
        }
        var application = ExplainedApplication(
            topology: plan?.topology ?? topology, names: names, state: state, failure: failure, isPaused: isPaused,
            guarantee: configuration.guarantee, unassigned: unassigned)
        let asked = loops.map { (number: $0.key, answer: ask($0.value)) }
        let deadline = ContinuousClock.now + Self.answerTime
        for (number, answer) in asked {
            while true {
                switch answer.result {
                case .success(let account)?: application.accounts.append(account)
                // It has ended, or is about to begin again: its tasks are without a thread.
                case .failure?: break
                case nil where ContinuousClock.now < deadline:
                    try await Task.sleep(for: .milliseconds(2))
                    continue
                case nil: application.silent.append(names.thread(number))
                }
                break
            }
        }
        return application
    }

    private func ask(_ loop: StreamThreadLoop) -> Answer {
        let answer = Answer()
        // Without a mailbox the thread is being opened, or restarts.
        guard let mailbox = loop.mailbox else {
            answer.set(.failure(ThreadMailboxError.threadEnded("")))
            return answer
        }
        mailbox.post({ [clock] in try $0.account(now: clock()) }, completion: { answer.set($0) })
        return answer
    }

    /// A thread's answer, when it is there.
    private final class Answer: Sendable {
        private let place = Mutex<Result<ThreadAccount, any Error>?>(nil)
        var result: Result<ThreadAccount, any Error>? { place.withLock { $0 } }
        func set(_ result: Result<ThreadAccount, any Error>) { place.withLock { $0 = result } }
    }

    /// The tasks that this process is to have, and that none of its threads has.
    private var unassigned: [TaskID] {
        inner.withLock { inner in
            guard !inner.state.isOver, let plan = inner.plan else { return [] }
            let mine = inner.group.process == nil ? Set(plan.allTasks) : inner.group.share?.activeTasks ?? []
            // A thread that has failed has nothing until it restarts, whatever it reported last.
            let held = inner.loops.filter { $0.value.mailbox != nil }.keys.reduce(into: Set<TaskID>()) {
                $0.formUnion(inner.placement.held($1).active.keys)
            }
            return mine.subtracting(held).sorted()
        }
    }
}
