import MoldauRecords
import MoldauTopology

extension Explanation {
    /// A reason why records produce no output.
    public struct Reason: Sendable, Hashable, Codable {
        /// The kind of reason.
        public var kind: Kind
        /// The reason and its remedy, as one sentence.
        public var sentence: String
        /// The node concerned, by its name in the topology's description.
        public var node: String?
        /// The task concerned.
        public var task: TaskID?
        /// The partition that causes it: it is waited for, is empty, or holds stream time back.
        public var partition: TopicPartition?
        /// For dropped records: the reason.
        public var drop: DropReason?
        /// How many records, windows or rows are concerned; 1,000 means at least that many for held ones.
        public var count: Int64?
        /// The stream time of the node.
        public var streamTime: Timestamp?
        /// The stream time at which the first of the held records is released.
        public var due: Timestamp?
        /// Since when, by the wall clock.
        public var since: Timestamp?

        /// The section of the documentation about it.
        public var page: String { kind.page }

        init(
            _ kind: Kind, _ sentence: String, node: String? = nil, task: TaskID? = nil,
            partition: TopicPartition? = nil, drop: DropReason? = nil, count: Int64? = nil,
            streamTime: Timestamp? = nil, due: Timestamp? = nil, since: Timestamp? = nil
        ) {
            (self.kind, self.sentence, self.node, self.task) = (kind, sentence, node, task)
            (self.partition, self.drop, self.count) = (partition, drop, count)
            (self.streamTime, self.due, self.since) = (streamTime, due, since)
        }
    }
}

extension Explanation.Reason {
    /// Encodes all fields, and the section of the documentation.
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(kind, forKey: .kind)
        try fields.encode(sentence, forKey: .sentence)
        try fields.encodeIfPresent(node, forKey: .node)
        try fields.encodeIfPresent(task, forKey: .task)
        try fields.encodeIfPresent(partition, forKey: .partition)
        try fields.encodeIfPresent(drop, forKey: .drop)
        try fields.encodeIfPresent(count, forKey: .count)
        try fields.encodeIfPresent(streamTime, forKey: .streamTime)
        try fields.encodeIfPresent(due, forKey: .due)
        try fields.encodeIfPresent(since, forKey: .since)
        var more = encoder.container(keyedBy: ReadOnlyKeys.self)
        try more.encode(page, forKey: .page)
    }

    /// Keys that are encoded for readers of the JSON, and derived from the fields.
    private enum ReadOnlyKeys: String, CodingKey { case page }
}

extension Explanation.Reason: CustomStringConvertible {
    public var description: String { sentence }
}

extension Explanation.Reason {
    /// The kinds of reasons. Each has a section of this name in `Docs/Explain.md`.
    public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        /// The application has not been started.
        case notStarted
        /// The application was stopped.
        case stopped
        /// An error ended the application.
        case failed
        /// The cluster does not have a topic that the application needs.
        case topicMissing
        /// The application is paused.
        case paused
        /// No thread has the task.
        case taskUnassigned
        /// A stream thread did not respond.
        case threadBusy
        /// The cluster or the state's disk is full.
        case outOfDisk
        /// A store is being restored, or a global table read.
        case restoring

        /// A topic has never had a record.
        case topicEmpty
        /// Reading started after the existing records.
        case startedAtEnd
        /// A task waits for records of one partition before it takes those of another.
        case waitsForPartition

        /// A node drops records.
        case recordsDropped
        /// An operator has passed no record on.
        case nothingPasses
        /// No record has gone to a branch.
        case branchNotTaken
        /// A join has found no match.
        case noMatches

        /// Windows or sessions have not closed.
        case windowOpen
        /// A suppression holds changes.
        case suppressed
        /// Records of a join wait for a match.
        case waitsForMatch
        /// Records of a join wait for late rows.
        case waitsForLateRows
        /// Results of asynchronous closures are outstanding.
        case waitsForResults
        /// Changes are forwarded at the next commit.
        case waitsForCommit
        /// Output is in a transaction that has not been committed.
        case uncommitted

        /// Another process has the key.
        case keyElsewhere
        /// The key is in another partition than the one determined by its bytes.
        case keyInOtherPartition
        /// The query used another type than the store's.
        case keyOfWrongType
        /// The key was deleted.
        case keyDeleted
        /// The key's windows have expired from the store.
        case keyExpired
        /// The store's changelog has no record of the key.
        case keyNeverWritten

        /// The section of the documentation about it.
        package var page: String { "Docs/Explain.md#\(rawValue.lowercased())" }

        /// Whether the operator's purpose is to hold records back for a time.
        public var isHeld: Bool {
            switch self {
            case .windowOpen, .suppressed, .waitsForMatch, .waitsForLateRows, .waitsForResults, .waitsForCommit,
                .uncommitted:
                true
            default: false
            }
        }
    }
}

extension DropReason {
    /// The remedy, as a clause.
    var remedy: String {
        switch self {
        case .nullKey, .nullKeyBeforeRepartition: "give each record a key, at its producer or with selectKey"
        case .nullValue: "read the topic as a table if a null means a deletion, or filter nulls out"
        case .nullValueBeforeRepartition: "give such rows a value that says what they mean"
        case .nullJoinKey: "check the closure that makes the key, or use a left join"
        case .staleResponse: "nothing need be done: the answer for the newer row is on its way"
        case .negativeTimestamp: "correct the producer's times, or give the source a timestamp extractor"
        case .outOfOrder, .outOfOrderBeforeRepartition: "nothing need be done if results reflect the current rows"
        case .olderThanHistory: "keep a longer history (historyRetention) if such updates matter"
        case .deserialization: "check that producer and topology use the same format, and see onDeserializationFailure"
        case .processing: "correct the closure, whose errors onProcessingFailure skips"
        case .production: "raise max.message.bytes of the topic or send smaller values; onProductionFailure skips them"
        case .noPartition: "let the partitioner return a partition, or nil to let the key decide"
        case .expired: "give the store a longer retention, or the windows less grace"
        case .late: "give the windows a longer grace"
        case .outsideWindows: "check the records' times and the windows"
        case .noMatch: "check that both sides have the same keys, or use leftJoin"
        case .noBranch: "add a default branch"
        }
    }
}
