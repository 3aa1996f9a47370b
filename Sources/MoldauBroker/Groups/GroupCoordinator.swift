// The coordinator of groups, as a state machine without I/O, time or locks:
//
//     event and time ──▶ handle ──▶ actions: records to append, answers to give once those are durable
//     nextWake: when it needs `.wake`
//
// Its driver passes in the requests of clients, appends the records to `__consumer_offsets`, and sends the answers. No
// answer is ahead of what is durable: each names the write that it waits for. If a write fails, the driver creates a
// new coordinator from the stored records.

#if SABOTAGE
    internal import MoldauLog
#endif
package import MoldauRecords

/// All groups: their members and their committed offsets.
package struct GroupCoordinator: Sendable {
    package internal(set) var settings: GroupSettings
    var groups: [String: Group] = [:]
    private var alarms = GroupAlarms()
    /// When to look for expired offsets; nil without groups.
    private var retentionAlarm: Duration?
    /// The groups that have offsets in a producer's open transaction.
    private var transactions: [Int64: Set<String>] = [:]
    /// The existing topics, by name.
    var topics = GroupTopics()
    private(set) var lastWrite = 0
    /// About how much memory the offsets of all groups take.
    package private(set) var offsetBytes = 0
    private static let leastPatternLimit = 1_000
    /// The number of patterns at which unused ones are removed.
    private var patternLimit = Self.leastPatternLimit
    /// The number of applications in this process, and of their workers, that were ever added.
    var residentCount = 0
    private var randomness: any RandomNumberGenerator & Sendable

    /// - Parameter randomness: the source of member ids.
    package init(_ settings: GroupSettings, randomness: any RandomNumberGenerator & Sendable) {
        self.settings = settings
        self.randomness = randomness
    }

    /// - Returns: the actions to take, in this order.
    package mutating func handle(_ event: GroupEvent, at now: GroupMoment) -> [GroupAction] {
        var actions: [GroupAction] = []
        let context = GroupContext(now: now, settings: settings)
        switch event {
        case .request(let request, let ticket):
            #if SABOTAGE
                let request = mistaken(request)
            #endif
            handle(request, ticket, context, &actions)
        case .marker(let producer, let isCommit, let partition):
            endTransaction(of: producer, isCommit: isCommit, partition)
        case .topics(let all):
            topics = GroupTopics(all)
            for name in groups.keys { resolvePatterns(of: name) }
        case .topicDeleted(let topic):
            for name in groups.keys.sorted() {
                change(name, &actions) { group, output in
                    group.remove(group.offsets.partitions.filter { $0.topic == topic }, &output)
                }
            }
        case .store(let name, let offsets):
            change(name, &actions) { group, output in group.store(offsets, &output) }
        case .wake: wake(context, &actions)
        case .stop:
            for name in groups.keys.sorted() {
                change(name, &actions) { group, output in group.classic.stop(&output) }
            }
        }
        if groups.isEmpty {
            retentionAlarm = nil
        } else if retentionAlarm == nil {
            retentionAlarm = now.uptime + settings.retentionCheckInterval
        }
        return actions
    }

    /// When it needs `.wake`, by the uptime; nil if nothing is due.
    package var nextWake: Duration? {
        mutating get { [alarms.next(), retentionAlarm].compactMap(\.self).min() }
    }

    /// Finds the topics that match a member's pattern. Patterns that are no longer used are removed when there are
    /// many.
    mutating func resolve(_ pattern: String) throws(GroupError) {
        if topics.patternCount >= patternLimit {
            topics = topics.withoutPatterns
            for name in groups.keys { resolvePatterns(of: name) }
            patternLimit = max(Self.leastPatternLimit, 2 * topics.patternCount)
        }
        try topics.resolve(pattern)
    }

    /// Patterns are validated when members send them. Those from another broker's records may be invalid here: then
    /// they match nothing.
    private mutating func resolvePatterns(of name: String) {
        for pattern in groups[name]?.consumer?.patterns ?? [] { try? topics.resolve(pattern) }
    }

    private mutating func wake(_ context: GroupContext, _ actions: inout [GroupAction]) {
        while let name = alarms.removeDue(at: context.now.uptime) {
            let topics = topics
            change(name, &actions) { group, output in group.wake(topics, context, &output) }
        }
        guard let time = retentionAlarm, time <= context.now.uptime else { return }
        retentionAlarm = nil
        for name in groups.keys.sorted() {
            change(name, &actions) { group, output in group.expireOffsets(context, &output) }
        }
    }

    // MARK: One group

    /// Changes a group. Creates it if missing, deletes it if it ends up empty.
    mutating func change(
        _ name: String, _ actions: inout [GroupAction], _ body: (inout Group, inout GroupOutput) -> Void
    ) {
        var output = GroupOutput()
        offsetBytes -= groups[name]?.offsets.byteCount ?? 0
        body(&groups[name, default: Group(name: name)], &output)
        offsetBytes += groups[name]?.offsets.byteCount ?? 0
        if !output.records.isEmpty {
            lastWrite += 1
            groups[name]?.lastWrite = lastWrite
            actions.append(
                .append(
                    GroupWrite(
                        number: lastWrite, partition: partition(of: name), records: output.records,
                        producer: output.producer)))
            if let producer = output.producer { transactions[producer.id, default: []].insert(name) }
        }
        let after = groups[name]?.lastWrite ?? 0
        for (ticket, answer) in output.answers { actions.append(.answer(ticket, answer, after: after)) }
        if groups[name]?.isNothing == true { groups[name] = nil }
        alarms.set(groups[name]?.alarm, for: name)
    }

    /// Called after the driver has written records of a group, and replayed them: answers about the group wait until
    /// they are durable.
    /// - Returns: the number of the write.
    mutating func noteWrite(of name: String) -> Int {
        lastWrite += 1
        groups[name]?.lastWrite = lastWrite
        return lastWrite
    }

    /// The partition of `__consumer_offsets` with a group's records.
    func partition(of group: String) -> Int32 {
        coordinatorPartition(of: group, among: settings.offsetsPartitionCount)
    }

    /// The committed positions of a group.
    package func offsets(of group: String) -> [TopicPartition: GroupOffset] { groups[group]?.offsets.offsets ?? [:] }

    /// All groups, by name.
    package var names: [String] { groups.keys.sorted() }

    /// Whether a group has members.
    package func hasMembers(_ group: String) -> Bool { groups[group]?.isEmpty == false }

    /// The groups that have committed offsets, by name.
    package var namesWithOffsets: [String] {
        groups.keys.filter { groups[$0]?.offsets.offsets.isEmpty == false }.sorted()
    }

    /// A coordinator without groups, except for applications in this process. Its writes continue this one's numbers.
    func emptied() -> Self {
        var empty = Self(settings, randomness: randomness)
        empty.lastWrite = lastWrite
        empty.topics = topics
        empty.residentCount = residentCount
        for (name, group) in groups where group.resident != nil {
            empty.groups[name] = Group(name: name)
            empty.groups[name]?.resident = group.resident
        }
        return empty
    }

    /// Takes the groups of another coordinator; a group in both keeps this one's application in this process.
    mutating func adopt(_ other: Self) {
        groups.merge(other.groups) { held, read in
            var group = read
            group.resident = held.resident
            return group
        }
        transactions.merge(other.transactions) { $0.union($1) }
        offsetBytes = groups.values.reduce(0) { $0 + $1.offsets.byteCount }
    }

    /// In Kafka's format: the client id or the instance id, and a random UUID (RFC 9562, version 4).
    mutating func makeMemberID(for client: String) -> String { "\(client)-\(TopicID.random(using: &randomness).uuid)" }

    /// In Kafka's format for the consumer protocol.
    mutating func makeMemberID() -> String { TopicID.random(using: &randomness).description }

    /// Sends no answers: clients that fetch positions retry until they are stable.
    private mutating func endTransaction(of producer: Int64, isCommit: Bool, _ partition: Int32?) {
        #if SABOTAGE
            let isCommit = isCommit || settings.sabotage.contains(.abortedPositionsKept)
        #endif
        for name in transactions[producer] ?? [] where partition == nil || self.partition(of: name) == partition {
            offsetBytes -= groups[name]?.offsets.byteCount ?? 0
            #if SABOTAGE
                groups[name]?.offsets.ignoresOrder = settings.sabotage.contains(.olderPositionWins)
            #endif
            groups[name]?.offsets.end(producer, isCommit: isCommit)
            offsetBytes += groups[name]?.offsets.byteCount ?? 0
            if groups[name]?.isNothing == true { groups[name] = nil }
            transactions[producer]?.remove(name)
        }
        if transactions[producer]?.isEmpty == true { transactions[producer] = nil }
    }

    // MARK: Loading

    /// Applies a record that was written before; to be called for all records of a partition in order.
    /// - Parameter producer: the producer in whose transaction it was written; nil if in none.
    package mutating func replay(_ record: GroupRecord, in producer: Int64? = nil) {
        let name = record.group
        offsetBytes -= groups[name]?.offsets.byteCount ?? 0
        groups[name, default: Group(name: name)].replay(record, in: producer)
        offsetBytes += groups[name]?.offsets.byteCount ?? 0
        if let producer { transactions[producer, default: []].insert(name) }
        if groups[name]?.isNothing == true { groups[name] = nil }
    }

    /// Applies a transaction's marker that was written before.
    /// - Parameter partition: the partition of the topic that contains the marker; nil: for all groups.
    package mutating func replayMarker(of producer: Int64, isCommit: Bool, partition: Int32?) {
        endTransaction(of: producer, isCommit: isCommit, partition)
    }

    /// Called after the last record: members get their session timeout to send a sign of life.
    package mutating func endReplay(at now: GroupMoment) {
        let context = GroupContext(now: now, settings: settings)
        for name in groups.keys.sorted() {
            groups[name]?.resume(context)
            resolvePatterns(of: name)
            alarms.set(groups[name]?.alarm, for: name)
        }
        if !groups.isEmpty { retentionAlarm = now.uptime + settings.retentionCheckInterval }
    }

    /// All records of the groups that belong to a partition, so that earlier records there can be deleted. Without the
    /// pending offsets of open transactions.
    package func snapshot(of partition: Int32) -> [GroupRecord] {
        groups.keys.sorted().filter { self.partition(of: $0) == partition }.flatMap { groups[$0]?.snapshot ?? [] }
    }
}
