import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology

/// Everything a stream thread needs to run. The threads of an application differ only in number and tasks.
package struct StreamThreadPlan: Sendable {
    package var number: Int
    /// The tasks to start with, each on its first replica; `StreamThread.granted` may change them later.
    package var tasks: [TaskID]
    package var topology: Topology
    package var names: InternalTopicNames
    package var configuration: StreamsConfiguration
    package var partitionCounts: [String: Int32]
    /// The topics' ids, if the cluster has ids.
    package var topicIDs: [String: TopicID] = [:]
    package var cluster: any ClusterPort
    package var memory: StateMemory
    /// Maps the name of a task's directory to where its stores keep their bytes.
    package var environment: @Sendable (String) -> StoreEnvironment
    /// Shared by all threads of the process.
    package var paceBoard: PaceBoard
    /// All tasks of the application, in order.
    package var allTasks: [TaskID] = []
    /// Where queries find the stores.
    var stores: [String: StorePlacement] = [:]
    /// The process's name among those that share the application's tasks; nil if it is the only one.
    package var process: String?
    /// A monotonic clock to measure the parts of a round; nil: they are not measured.
    var stopwatch: (@Sendable () -> Duration)?
    /// For the one thread that searches for new topics; nil for the others.
    package var watch: TopicWatch?

    /// - Parameter stateDirectory: contains one directory per task; nil keeps everything in memory.
    package init(
        number: Int, tasks: [TaskID], topology: Topology, names: InternalTopicNames,
        configuration: StreamsConfiguration,
        partitionCounts: [String: Int32], cluster: any ClusterPort, memory: StateMemory, stateDirectory: String?
    ) {
        (self.number, self.tasks, self.topology, self.names) = (number, tasks, topology, names)
        (self.configuration, self.partitionCounts, self.cluster) = (configuration, partitionCounts, cluster)
        self.memory = memory
        paceBoard = PaceBoard(topology, names: names, partitionCounts: partitionCounts)
        environment = { name in
            guard let stateDirectory else { return StoreEnvironment(inMemory: memory, name: name) }
            return StoreEnvironment(
                directory: "\(stateDirectory)/\(name)", memory: memory, rocksDB: configuration.rocksDB)
        }
    }

    /// Where a replica of a task's stores keeps its data.
    func environment(of task: TaskID, replica: Int) -> StoreEnvironment {
        environment(TaskSet.directory(of: task, replica: replica))
    }

    var clientID: String { names.thread(number) }

    /// The transactional id, the same for this thread across restarts; nil without transactions.
    private var transactionalID: String? {
        guard configuration.guarantee == .exactlyOnce else { return nil }
        return ([names.applicationID] + [process].compactMap(\.self) + ["\(number)"]).joined(separator: "-")
    }

    /// A commit makes the records that were read durable before it commits their offsets. In a transaction, their
    /// results are not visible before that. Otherwise a power failure might preserve a part of the results of a record
    /// that is itself lost; that does no harm only in the application's own topics, whose records it would write again.
    /// No commit includes the offsets of global tables, and they do not roll back the rows of an aborted transaction.
    private var readsAhead: ConsumerOptions.ReadAhead {
        guard transactionalID == nil else { return .everywhere(except: Set(topology.globalTables.map(\.topic))) }
        return .topics(Set(topology.repartitionTopics.map { names.topic($0.name) }))
    }

    /// Makes the consumer that reads the inputs of the thread's tasks.
    func makeConsumer() throws -> any Consumer {
        var options = ConsumerOptions(
            clientID: clientID + "-consumer", group: names.applicationID, readsAhead: readsAhead,
            // A single commit covers the records of the thread's tasks, and the results that its other tasks derived
            // from them.
            readsTransactionsOf: transactionalID)
        // Otherwise the topic watch notices it, and a new plan is made.
        options.tellsMissingTopics = !topology.readsByPattern && topology.globalTables.isEmpty
        return try cluster.makeConsumer(options)
    }

    /// Makes the thread's producer. With exactly-once, first aborts a transaction that an earlier run left open.
    func makeProducer() throws -> any Producer {
        let clientID = clientID + "-producer"
        guard let transactionalID else { return try cluster.makeProducer(clientID: clientID) }
        return try cluster.makeTransactionalProducer(
            TransactionalProducerOptions(
                clientID: clientID, id: transactionalID, timeout: configuration.ownTransactionTimeout))
    }
}
