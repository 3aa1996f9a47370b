// Asks every stream thread, through its mailbox, what its tasks did and what they wait for.

import MoldauRecords
import MoldauState
import MoldauTopology
import Synchronization

extension StreamsEngine {
    /// How long threads may take to answer.
    private static var answerTime: Duration { .seconds(2) }

    /// - Throws: `CancellationError`.
    package func explain() async throws -> Explanation { Explanation(try await explained()) }

    /// The current state of the application.
    package func explained() async throws -> ExplainedApplication {
        let (state, isPaused, failure, plan) = inner.withLock { inner in
            (inner.state, inner.isPaused, inner.failure, inner.plan)
        }
        var application = ExplainedApplication(
            topology: plan?.topology ?? topology, names: names, state: state, failure: failure, isPaused: isPaused,
            guarantee: configuration.guarantee, unassigned: unassigned)
        (application.accounts, application.silent) = try await askThreads { try $0.account(now: $1) }
        return application
    }

    /// Asks every thread, between two batches of its records. A thread that is being opened, has ended or is about to
    /// restart is not asked.
    /// - Returns: the answers in the order of the threads, and the names of the threads that did not answer in time.
    /// - Throws: `CancellationError`.
    func askThreads<Answer: Sendable>(
        _ question: @escaping @Sendable (ThreadContents, RoundTime) throws -> Answer
    ) async throws -> (answers: [Answer], silent: [String]) {
        let asked = inner.withLock { $0.loops.sorted(on: \.key) }.map { ($0.key, ask($0.value, question)) }
        let timeout = Task {
            try await Task.sleep(for: Self.answerTime)
            for (_, answer) in asked { answer.give(.success(nil)) }
        }
        defer { timeout.cancel() }
        var (answers, silent): ([Answer], [String]) = ([], [])
        for (number, answer) in asked {
            do {
                if let answer = try await answer.get() {
                    answers.append(answer)
                } else {
                    silent.append(names.thread(number))
                }
            } catch { try Task.checkCancellation() }
        }
        return (answers, silent)
    }

    /// - Returns: the thread's answer; nil stands for none in time.
    private func ask<Value: Sendable>(
        _ loop: StreamThreadLoop, _ question: @escaping @Sendable (ThreadContents, RoundTime) throws -> Value
    ) -> OneAnswer<Value?> {
        let answer = OneAnswer<Value?>()
        // Without a mailbox the thread is being opened, or restarts.
        guard let mailbox = loop.mailbox else {
            answer.give(.failure(ThreadMailboxError.threadEnded("")))
            return answer
        }
        mailbox.post(
            { [clock] in try question($0, clock()) }, completion: { answer.give($0.map { .some($0) }) })
        return answer
    }

    /// The tasks assigned to this process that none of its threads has.
    private var unassigned: [TaskID] {
        inner.withLock { inner in
            guard !inner.state.isOver, let plan = inner.plan else { return [] }
            let mine = inner.group.process == nil ? Set(plan.allTasks) : inner.group.share?.activeTasks ?? []
            // A thread that has failed has nothing until it restarts, whatever its last report was.
            let held = inner.loops.filter { $0.value.mailbox != nil }.keys.reduce(into: Set<TaskID>()) {
                $0.formUnion(inner.placement.held($1).active.keys)
            }
            return mine.subtracting(held).sorted()
        }
    }
}
