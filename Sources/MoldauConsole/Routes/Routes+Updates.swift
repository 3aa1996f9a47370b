import MoldauRecords
import MoldauRuntime
import MoldauTopology

extension Routes {
    /// A live stream of what changes every second.
    static func updateRoutes(_ subject: ConsoleSubject) -> [Route] {
        [
            Route(
                "/updates", "Server-sent events: once a second, what changes.",
                .events([("update", "Update"), ("dropped", "Dropped")])
            ) { question in
                let reader = subject.updates.subscribe()
                return try Answer(
                    events: reader, places: subject.limits.streams, to: question.channel, end: reader.end)
            }
        ]
    }
}

/// An event of `/updates`.
struct Update: Encodable, Sendable {
    struct Node: Encodable {
        let name: String
        let `in`: Int64
        let out: Int64
        let drops: Int64
    }

    struct Reason: Encodable {
        let kind: Explanation.Reason.Kind
        let sentence: String
        let node: String?
        let task: TaskID?
    }

    let now: Timestamp
    let state: StreamsState
    let isPaused: Bool
    let processed: Int64
    let commits: Int64
    let nodes: [Node]
    let lag: Int64
    let restoring: Int
    let memory: ApplicationStatus.Memory?
    let reasons: [Reason]

    init(_ status: ApplicationStatus, _ explanation: Explanation) {
        (now, state, isPaused) = (status.now, status.state, status.isPaused)
        (processed, commits, lag, memory) = (status.processed, status.commits, status.lag, status.memory)
        restoring = status.restores.count { !$0.isStandby }
        nodes = explanation.nodes.map { node in
            Node(
                name: node.name, in: node.recordsIn, out: node.recordsOut, drops: node.drops.reduce(0) { $0 + $1.count }
            )
        }
        reasons = explanation.reasons.map {
            Reason(kind: $0.kind, sentence: $0.sentence, node: $0.node, task: $0.task)
        }
    }
}
