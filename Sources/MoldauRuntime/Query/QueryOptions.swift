import MoldauRecords
import MoldauState

/// How a query is answered.
public struct QueryOptions: Sendable, Hashable {
    /// Which values it sees. nil: committed ones with exactly-once processing, else the newest ones.
    public var view: StoreView?
    /// Waits until what the query sees contains the input up to (not including) these offsets. The position of one
    /// answer given here makes sure that the next answer is not older; the offsets behind records that were produced,
    /// that their results are in it.
    public var atLeast: [TopicPartition: Offset] = [:]
    /// How long a query may wait: for `atLeast`, for the first commit, or for a task that moves to another thread.
    public var timeout: Duration = .seconds(10)
    /// Whether a store that is being restored, or a standby copy where no thread of this process works on the task, may
    /// answer too, with what it has so far. Such an answer says so in `lag`, and does not know its position: where
    /// `atLeast` asks for one, the query waits for the task itself.
    public var allowsStale = false
    /// The partition to ask about a key. nil: the one that Kafka's producers choose for the key; to be given where the
    /// topic is partitioned in another way.
    public var partition: Partition?

    /// Options that differ from the defaults where they are set.
    public init() {}
}

/// What a query found, and what it is true of.
public struct QueryAnswer<Value> {
    /// What was found.
    public var value: Value
    /// For each input partition of the tasks that were asked, the first offset that is not contained in the answer. Not
    /// known for stale answers.
    public var position: [TopicPartition: Offset]
    /// For how long the answer may have been outdated: the time since the last commit if committed values were asked
    /// for, else zero.
    public var age: Duration
    /// How far the stores that answered are behind their changelogs: empty unless the answer is stale.
    public var lag: [StoreLag]

    package init(_ value: Value, position: [TopicPartition: Offset] = [:], age: Duration = .zero, lag: [StoreLag] = [])
    {
        (self.value, self.position, self.age, self.lag) = (value, position, age, lag)
    }

    /// The same answer about something else.
    package func with<Other>(_ value: Other) -> QueryAnswer<Other> {
        QueryAnswer<Other>(value, position: position, age: age, lag: lag)
    }

    /// Adds what another answer is true of.
    package mutating func add<Other>(_ other: QueryAnswer<Other>) {
        position.merge(other.position, uniquingKeysWith: min)
        age = max(age, other.age)
        lag += other.lag.filter { !lag.contains($0) }
    }
}

extension QueryAnswer: Sendable where Value: Sendable {}
