import MoldauRecords
import MoldauState

/// How a query is answered.
public struct QueryOptions: Sendable, Hashable {
    /// Which values it sees. nil: committed ones with exactly-once processing, otherwise the newest ones.
    public var view: StoreView?
    /// Waits until the query sees the input up to (not including) these offsets. Pass the position of one answer to
    /// make sure that the next one is not older; pass the offsets after produced records to make sure that their
    /// results are included.
    public var atLeast: [TopicPartition: Offset] = [:]
    /// How long a query may wait: for `atLeast`, for the first commit, or for a task that moves to another thread.
    public var timeout: Duration = .seconds(10)
    /// Whether a store that is being restored, or a standby copy if no thread of this process runs the task, may answer
    /// too, with its present contents. Such an answer reports its `lag`, and has no known position: if `atLeast` is
    /// given for the partition, the query waits for the task itself.
    public var allowsStale = false
    /// The partition to query for a key. nil: the one that Kafka's producers choose for the key; set it if the topic is
    /// partitioned differently.
    public var partition: Partition?

    /// The default options.
    public init() {}
}

/// The result of a query, and its consistency.
public struct QueryAnswer<Value> {
    /// The result.
    public var value: Value
    /// For each input partition of the queried tasks, the first offset that is not contained in the answer. Unknown for
    /// stale answers.
    public var position: [TopicPartition: Offset]
    /// How old the answer may be: the time since the last commit if the query sees committed values, otherwise zero.
    public var age: Duration
    /// How far the stores that answered lag behind their changelogs: empty unless the answer is stale.
    public var lag: [StoreLag]

    package init(_ value: Value, position: [TopicPartition: Offset] = [:], age: Duration = .zero, lag: [StoreLag] = [])
    {
        (self.value, self.position, self.age, self.lag) = (value, position, age, lag)
    }

    /// The same answer with another value.
    package func with<Other>(_ value: Other) -> QueryAnswer<Other> {
        QueryAnswer<Other>(value, position: position, age: age, lag: lag)
    }

    /// Adds the consistency of another answer.
    package mutating func add<Other>(_ other: QueryAnswer<Other>) {
        position.merge(other.position, uniquingKeysWith: min)
        age = max(age, other.age)
        lag += other.lag.filter { !lag.contains($0) }
    }
}

extension QueryAnswer: Sendable where Value: Sendable {}
