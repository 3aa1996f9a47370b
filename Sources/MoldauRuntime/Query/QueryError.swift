import MoldauRecords
import MoldauTopology

/// Why a query could not be answered. Each case holds the facts.
public enum QueryError: Error, Equatable, CustomStringConvertible {
    /// The topology has no store of that name.
    case unknownStore(String, known: [String])
    /// The store of that name has another type than the name that was used.
    case wrongType(store: String, expected: String, found: String)
    /// The store has fewer partitions than that.
    case unknownPartition(Partition, store: String, count: Int)
    /// The store has no changelog from which its changes could be read.
    case notLogged(store: String)
    /// The text is not a valid key of the store's key type.
    case unreadableKey(String, store: String, type: String)
    /// A store of that kind has no such rows; it supports `questions`.
    case wrongQuestion(store: String, questions: String)
    /// A position in `atLeast` is about a topic that is not a direct input of the store.
    case notAnInput(topic: String, store: String, inputs: [String])
    /// The store is being restored, or is only a copy, and the query does not allow stale answers. The lag is nil if it
    /// is unknown.
    case restoring(store: String, lag: StoreLag?)
    /// Another process of the application runs the task. The host is nil if that process has not announced an address
    /// for queries.
    case elsewhere(store: String, TaskID, host: String?)
    /// The timeout has passed.
    case timedOut(store: String, reason: String)
    /// The application has not started, or has ended.
    case notRunning(StreamsState)
    /// Too many queries are waiting for the stream thread.
    case tooMany(waiting: Int)

    public var description: String {
        switch self {
        case .unknownStore(let name, let known):
            "the topology has no store '\(name)'; "
                + (known.isEmpty ? "it has none" : "it has: \(known.joined(separator: ", "))")
        case .wrongType(let store, let expected, let found):
            "the store '\(store)' is a \(found), but was queried as a \(expected); use the name that it was created with"
        case .unknownPartition(let partition, let store, let count):
            "the store '\(store)' has \(count) partitions, counted from 0; there is no partition \(partition)"
        case .notLogged(let store):
            "the changes of the store '\(store)' cannot be followed, because it has no changelog; turn it on (isLogged)"
        case .unreadableKey(let text, let store, let type):
            "'\(text)' is not a valid key of the store '\(store)', whose keys are \(type); write it as Swift or JSON does, "
                + "or give the key's bytes as {\"hex\": \"…\"}"
        case .wrongQuestion(let store, let questions): "the store '\(store)' answers \(questions)"
        case .notAnInput(let topic, let store, let inputs):
            "the store '\(store)' has no position in '\(topic)', which is not a direct input of it; its inputs are "
                + inputs.map { "'\($0)'" }.joined(separator: ", ")
        case .restoring(let store, let lag):
            "the store '\(store)' is being restored"
                + (lag.map { ", with \($0.records) records of its changelog left" } ?? "")
                + "; ask again later, or allow stale answers"
        case .elsewhere(let store, let task, let host):
            "task \(task) of the store '\(store)' is in another process"
                + (host.map { ", which can be queried at \($0)" }
                    ?? "; set StreamsConfiguration.applicationServer, so that each process tells where to query it")
        case .timedOut(let store, let reason): "the store '\(store)' was not read in time: \(reason)"
        case .notRunning(let state): "the application is \(state); a query needs one that is running"
        case .tooMany(let waiting): "\(waiting) queries are already waiting; ask again when some have been answered"
        }
    }
}
