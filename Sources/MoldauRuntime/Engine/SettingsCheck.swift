import MoldauRecords
import MoldauState
import MoldauTopology

extension StreamsConfiguration {
    /// The most stream threads, and the most copies of a task's stores, that an application may have.
    static let mostThreads = 1_024

    /// The errors in the settings, one sentence each; empty if an application can run with them.
    func complaints(names: InternalTopicNames, topology: Topology) -> [String] {
        var complaints = names.complaints(topology)
        func demand(_ isRight: Bool, _ sentence: @autoclosure () -> String) {
            if !isRight { complaints.append(sentence()) }
        }
        demand(
            (1...Self.mostThreads).contains(streamThreads),
            "streamThreads is \(streamThreads), but must be from 1 to \(Self.mostThreads)")
        demand(
            (0...Self.mostThreads).contains(standbys),
            "standbys is \(standbys), but must be from 0 to \(Self.mostThreads)")
        for (name, bytes) in [
            ("stateMemoryBytes", stateMemoryBytes), ("bufferedBytesPerPartition", bufferedBytesPerPartition),
            ("batchBytes", batchBytes), ("recordsPerTurn", recordsPerTurn),
        ] { demand(bytes > 0, "\(name) is \(bytes), but must be more than 0") }
        for (name, length) in [
            ("commitInterval", commitInterval), ("stopPatience", stopPatience), ("lookahead", lookahead),
            ("windowChangelogExtraRetention", windowChangelogExtraRetention), ("stopTimeout", ownStopTimeout),
        ] { demand(length >= .zero, "\(name) is \(length), but must not be negative") }
        for (name, length) in [
            ("writeBehindInterval", writeBehindInterval), ("topicSearchInterval", topicSearchInterval),
        ] { demand(length > .zero, "\(name) is \(length), but must be more than 0") }
        if case .upTo(let length) = taskIdling {
            demand(length >= .zero, "taskIdling waits up to \(length), but must not be negative")
        }
        if let newTopicPartitions {
            demand(newTopicPartitions >= 1, "newTopicPartitions is \(newTopicPartitions), but must be at least 1")
        }
        for topic in namedTopics.sorted() {
            let objection = TopicName.objection(to: topic)
            demand(objection == nil, "'\(topic)' in namedTopics is not a valid topic name: \(objection ?? "")")
        }
        if guarantee == .exactlyOnce { complaints += transactionComplaints }
        return complaints
    }

    private var transactionComplaints: [String] {
        let most = Duration.milliseconds(Int32.max)
        guard let transactionTimeout else {
            guard ownTransactionTimeout > most else { return [] }
            return [
                "commitInterval is \(commitInterval): with exactly-once, transactions would be open for too long; the limit is 8 days"
            ]
        }
        var complaints: [String] = []
        if transactionTimeout < .milliseconds(1) || transactionTimeout > most {
            complaints.append("transactionTimeout is \(transactionTimeout), but must be from 1 ms to 24 days")
        }
        if transactionTimeout <= commitInterval {
            complaints.append(
                "transactionTimeout is \(transactionTimeout), but must be longer than commitInterval, \(commitInterval), "
                    + "or every transaction would be aborted before its commit; leave it nil to follow the interval")
        }
        return complaints
    }
}

extension InternalTopicNames {
    fileprivate func complaints(_ topology: Topology) -> [String] {
        if let objection = TopicName.objection(to: applicationID) {
            return [
                "the application's id '\(applicationID)' is part of the names of topics and directories: \(objection)"
            ]
        }
        if applicationID.hasPrefix("__") {
            return [
                "the application's id '\(applicationID)' begins with '__', which is reserved for the cluster's own topics"
            ]
        }
        let topics =
            topology.repartitionTopics.map { topic($0.name) }
            + topology.stores.filter(\.isLogged).map { changelog(ofStore: $0.name) }
        return topics.compactMap { name in
            TopicName.objection(to: name).map { "the application's topic '\(name)' cannot be created: \($0)" }
        }
    }
}
