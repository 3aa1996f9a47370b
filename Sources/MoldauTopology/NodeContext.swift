import MoldauRecords
import MoldauState

/// What one node of a task uses while it is wired, and when it drops a record or fails.
@usableFromInline package final class NodeContext {
    @usableFromInline package let node: String
    /// The context that the nodes of the task share.
    @usableFromInline package let task: TaskContext
    /// The topic whose source head is being made, by its name in the cluster; nil for nodes that are not sources.
    package var headTopic: String?
    /// The inlets of the nodes downstream with their names, in order. Each is an `Inlet` of the types that this node
    /// forwards.
    private let children: [(name: String, inlet: Any)]
    private let stores: Set<String>
    /// The index of each store in the task, for work that must follow the order of the stores.
    private let storeOrder: [String: Int]
    /// The counts of the records that the node has passed on: to all nodes downstream, and to one of them by its name.
    /// Empty for a node that passes on whatever it does not drop.
    package private(set) var counts: [(child: String?, count: PassedCount)] = []

    /// Made by the task that wires the node.
    @usableFromInline package init(
        node: String, task: TaskContext, children: [(name: String, inlet: Any)], stores: Set<String>,
        storeOrder: [String: Int]
    ) {
        self.node = node
        self.task = task
        self.children = children
        self.stores = stores
        self.storeOrder = storeOrder
    }

    /// A single inlet for all nodes downstream. Its casts are the only ones per edge, made once when the task is wired.
    /// - Parameter other: a node downstream to leave out, because it takes other records.
    @usableFromInline package func next<Key, Value>(
        _: Key.Type = Key.self, _: Value.Type = Value.self, besides other: String? = nil
    ) throws -> Inlet<Key, Value> {
        Inlet(fanningOutTo: try children.filter { $0.name != other }.map { try inlet(of: $0) })
    }

    /// The inlet of the child with that name.
    /// - Throws: `TopologyError.unknownParent` if no such node follows this one.
    @usableFromInline package func child<Key, Value>(
        named name: String, _: Key.Type = Key.self, _: Value.Type = Value.self
    ) throws -> Inlet<Key, Value> {
        guard let child = children.first(where: { $0.name == name }) else {
            throw TopologyError.unknownParent(node: name, parent: node)
        }
        return try inlet(of: child)
    }

    private func inlet<Key, Value>(of child: (name: String, inlet: Any)) throws -> Inlet<Key, Value> {
        guard let inlet = child.inlet as? Inlet<Key, Value> else {
            throw TopologyError.wrongType(
                name: child.name, expected: "\(Inlet<Key, Value>.self)", found: "\(type(of: child.inlet))")
        }
        return inlet
    }

    /// Returns the counter of the records that this node passes on; the node must increment it. For operators that pass
    /// on more or fewer records than they take.
    /// - Parameter child: for records that only this node downstream gets.
    @usableFromInline package func counting(for child: String? = nil) -> PassedCount {
        if let known = counts.first(where: { $0.child == child }) { return known.count }
        let count = PassedCount()
        counts.append((child, count))
        return count
    }

    /// Like `next`, and counts the records.
    @usableFromInline package func nextCounted<Key, Value>(
        _: Key.Type = Key.self, _: Value.Type = Value.self
    ) throws -> Inlet<Key, Value> { try next(Key.self, Value.self).counted(by: counting()) }

    /// Like `child`, and counts the records.
    @usableFromInline package func countedChild<Key, Value>(
        named name: String, _: Key.Type = Key.self, _: Value.Type = Value.self
    ) throws -> Inlet<Key, Value> { try child(named: name, Key.self, Value.self).counted(by: counting(for: name)) }

    /// The connected store with that name.
    /// - Throws: `TopologyError.storeNotConnected`, `.wrongType`.
    @usableFromInline package func store<Store>(named name: String, as type: Store.Type = Store.self) throws -> Store {
        guard stores.contains(name) else { throw TopologyError.storeNotConnected(node: node, store: name) }
        return try globalStore(named: name, as: type)
    }

    /// The store with that name if it is connected and of that type; nil if it is of another type.
    /// - Throws: `TopologyError.storeNotConnected`, `.unknownStore`.
    @usableFromInline package func storeIfTyped<Store>(named name: String, as type: Store.Type = Store.self) throws
        -> Store?
    {
        do { return try store(named: name, as: type) } catch TopologyError.wrongType { return nil }
    }

    /// A global table's store, by name: every node of the stream thread may read it.
    /// - Throws: `TopologyError.unknownStore`, `.wrongType`.
    @usableFromInline package func globalStore<Store>(named name: String, as type: Store.Type = Store.self) throws
        -> Store
    {
        guard let store = task.store(named: name) else { throw TopologyError.unknownStore(node: node, store: name) }
        guard let typed = store as? Store else {
            throw TopologyError.wrongType(
                name: name, expected: "\(Store.self)", found: "\(Swift.type(of: store))")
        }
        return typed
    }

    /// A store's changelog topic, or the name that it would have: for serdes that are made per topic.
    package func topic(ofStore name: String) -> String {
        (task.store(named: name) as? any CacheBackedStore)?.cache.topic ?? name
    }

    /// The store's index among the task's stores.
    @usableFromInline package func order(ofStore name: String) -> Int { storeOrder[name] ?? 0 }

    /// Counts a record that this node drops.
    @usableFromInline package func drop(_ reason: DropReason) { task.drop(reason, at: node) }

    /// Asks the processing handler what to do after user code threw, unless the record is diverted; returns if the
    /// record is skipped.
    /// - Throws: `ProcessingFailure` if the stream thread must stop.
    @usableFromInline package func failed(_ error: any Error) throws {
        // A failure further downstream was already handled there; one of a store or the cluster is not user code's.
        if let failure = task.outbox.failure { throw failure }
        if error is ProcessingFailure || error is StateError { throw error }
        if task.diversion?.taking(.processing, at: node) != nil {
            return task.drop(.processing, at: node, because: error)
        }
        let failure = ProcessingFailure(node: node, task: task.taskID, origin: task.origin, underlying: error)
        task.traces?.current?.failed(failure)
        switch task.onFailure(failure) {
        case .fail: throw failure
        case .skip: drop(.processing)
        case .deadLetter(let topic):
            try task.outbox.sendDeadLetter(topic: topic, failure: error, node: node)
            drop(.processing)
        }
    }

    /// Calls back at intervals of stream time or wall-clock time.
    @discardableResult
    @usableFromInline package func schedule(
        every interval: Duration, _ clock: PunctuationClock, _ punctuate: @escaping (Timestamp) throws -> Void
    ) throws -> Schedule {
        guard interval.milliseconds >= 1 else {
            throw TopologyError.invalidSetting(name: "schedule(every:)", reason: "the interval must be at least 1 ms")
        }
        let schedule = Schedule(clock: clock, interval: interval, scheduledAt: task.time) { [unowned self] time in
            do { try punctuate(time) } catch { try self.failed(error) }
        }
        guard !task.taskID.isGlobal else {
            throw TopologyError.invalidSetting(
                name: node, reason: "processors of global stores cannot schedule punctuations")
        }
        task.add(schedule)
        return schedule
    }
}
