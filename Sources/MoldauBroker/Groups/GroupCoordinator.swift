// The coordinator of groups, as a state machine without I/O, time or locks:
//
//     event and time ──▶ handle ──▶ actions: records to append, answers to give once those are durable
//     nextWake: when it wants to hear `.wake`
//
// Its driver gives it the requests of clients, appends the records to `__consumer_offsets`, and sends the answers. What
// an answer tells is never ahead of what is durable: each names the write that it waits for. If a write fails, the
// driver makes a new coordinator from the records that there are.

#if SABOTAGE
    internal import MoldauLog
#endif
package import MoldauRecords

/// All groups: their members, and what they have committed.
package struct GroupCoordinator: Sendable {
    package internal(set) var settings: GroupSettings
    var groups: [String: Group] = [:]
    private var alarms = GroupAlarms()
    /// When to look for offsets that nobody needs; nil without groups.
    private var retentionAlarm: Duration?
    /// The groups that have offsets in a producer's open transaction.
    private var transactions: [Int64: Set<String>] = [:]
    /// The topics that there are, by name.
    var topics = GroupTopics()
    private(set) var lastWrite = 0
    /// About how much memory the offsets of all groups take.
    package private(set) var offsetBytes = 0
    private static let leastPatternLimit = 1_000
    /// With how many patterns to look for those that nobody wants any more.
    private var patternLimit = Self.leastPatternLimit
    /// How many applications in this process and workers of such there have been.
    var residentCount = 0
    private var randomness: any RandomNumberGenerator & Sendable

    /// - Parameter randomness: the source of member ids.
    package init(_ settings: GroupSettings, randomness: any RandomNumberGenerator & Sendable) {
        self.settings = settings
        self.randomness = randomness
    }

    /// - Returns: what is to be done, in this order.
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

    /// When it wants to hear `.wake`, by the uptime; nil if nothing is due.
    package var nextWake: Duration? {
        mutating get { [alarms.next(), retentionAlarm].compactMap(\.self).min() }
    }

    /// Looks for the topics of a pattern that a member chooses. Patterns that nobody wants any more are forgotten when
    /// there are many.
    mutating func resolve(_ pattern: String) throws(GroupError) {
        if topics.patternCount >= patternLimit {
            topics = topics.withoutPatterns
            for name in groups.keys { resolvePatterns(of: name) }
            patternLimit = max(Self.leastPatternLimit, 2 * topics.patternCount)
        }
        try topics.resolve(pattern)
    }

    /// Patterns are checked when members choose them. Those of another broker's records may be none here: then they
    /// match nothing.
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

    /// Changes a group, which is made for that if it does not exist, and goes again if nothing is in it then.
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

    /// The driver has written records of a group, and replayed them: who asks for the group waits until they are
    /// durable.
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

    /// The groups that there are, by name.
    package var names: [String] { groups.keys.sorted() }

    /// Whether somebody is in a group.
    package func hasMembers(_ group: String) -> Bool { groups[group]?.isEmpty == false }

    /// Those of them that have committed something.
    package var namesWithOffsets: [String] {
        groups.keys.filter { groups[$0]?.offsets.offsets.isEmpty == false }.sorted()
    }

    /// One without groups, whose writes have the numbers after this one's.
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

    /// Takes the groups of another one. No group is in both.
    mutating func adopt(_ other: Self) {
        groups.merge(other.groups) { held, read in
            var group = read
            group.resident = held.resident
            return group
        }
        transactions.merge(other.transactions) { $0.union($1) }
        offsetBytes = groups.values.reduce(0) { $0 + $1.offsets.byteCount }
    }

    /// As Kafka's: the instance id or the client's, and a random UUID (RFC 9562, version 4).
    mutating func makeMemberID(for client: String) -> String { "\(client)-\(TopicID.random(using: &randomness).uuid)" }

    /// As Kafka's for the consumer protocol.
    mutating func makeMemberID() -> String { TopicID.random(using: &randomness).description }

    /// Nobody is told: who fetches positions asks again until they are stable.
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

    /// Takes a record that was written before; all records of a partition in their order.
    /// - Parameter producer: in whose transaction it was written; nil if in none.
    package mutating func replay(_ record: GroupRecord, in producer: Int64? = nil) {
        let name = record.group
        offsetBytes -= groups[name]?.offsets.byteCount ?? 0
        groups[name, default: Group(name: name)].replay(record, in: producer)
        offsetBytes += groups[name]?.offsets.byteCount ?? 0
        if let producer { transactions[producer, default: []].insert(name) }
        if groups[name]?.isNothing == true { groups[name] = nil }
    }

    /// Takes a transaction's marker that was written before.
    /// - Parameter partition: of the topic, where the marker is; nil: for all groups.
    package mutating func replayMarker(of producer: Int64, isCommit: Bool, partition: Int32?) {
        endTransaction(of: producer, isCommit: isCommit, partition)
    }

    /// After the last record: members that were there have their session timeout to say that they still are.
    package mutating func endReplay(at now: GroupMoment) {
        let context = GroupContext(now: now, settings: settings)
        for name in groups.keys.sorted() {
            groups[name]?.resume(context)
            resolvePatterns(of: name)
            alarms.set(groups[name]?.alarm, for: name)
        }
        if !groups.isEmpty { retentionAlarm = now.uptime + settings.retentionCheckInterval }
    }

    /// All that is kept of the groups whose records are in a partition, so that earlier records there can go. Not what
    /// open transactions would commit.
    package func snapshot(of partition: Int32) -> [GroupRecord] {
        groups.keys.sorted().filter { self.partition(of: $0) == partition }.flatMap { groups[$0]?.snapshot ?? [] }
    }
}
