#if SABOTAGE
    internal import MoldauLog
#endif
internal import MoldauRecords

extension Group {
    // MARK: Committing

    mutating func commit(
        _ request: GroupRequest.Commit, _ context: GroupContext, _ output: inout GroupOutput
    ) throws(GroupError) -> [GroupAnswer.Partition] {
        try checkCommit(request, context)
        output.producer = request.producer
        #if SABOTAGE
            let isVisible = context.settings.sabotage.contains(.pendingPositionVisible)
            let transaction = isVisible ? nil : request.producer?.id
        #else
            let transaction = request.producer?.id
        #endif
        return request.offsets.map { position in
            let partition = position.partition
            guard TopicName.objection(to: partition.topic) == nil else {
                return GroupAnswer.Partition(partition, .unknownTopicOrPartition)
            }
            guard position.metadata.utf8.count <= context.settings.maxMetadataBytes else {
                return GroupAnswer.Partition(partition, .offsetMetadataTooLarge)
            }
            let offset = GroupOffset(
                offset: position.offset, leaderEpoch: position.leaderEpoch, metadata: position.metadata,
                time: context.now.time)
            offsets.commit(offset, in: partition, by: transaction)
            output.records.append(
                .offset(OffsetRecord(group: classic.name, partition: partition, offset: offset)))
            return GroupAnswer.Partition(partition, .none)
        }
    }

    private mutating func checkCommit(
        _ request: GroupRequest.Commit, _ context: GroupContext
    ) throws(GroupError) {
        let (member, isTransactional) = (request.member, request.producer != nil)
        if isNothing && member.generation >= 0 { throw .illegalGeneration }
        if resident != nil && member.memberID.isEmpty && !isTransactional { throw .unknownMemberID }
        if let consumer { return try consumer.check(member) }
        try classic.checkCommit(member, isTransactional: isTransactional)
        // A member that commits is alive.
        if !member.memberID.isEmpty { classic.noteSign(of: member.memberID, context) }
    }

    /// Stores positions from the broker itself; nil deletes.
    mutating func store(_ changes: [TopicPartition: GroupOffset?], _ output: inout GroupOutput) {
        for (partition, offset) in changes.sorted(on: \.key) {
            if let offset {
                offsets.commit(offset, in: partition, by: nil)
                output.records.append(
                    .offset(OffsetRecord(group: classic.name, partition: partition, offset: offset)))
            } else {
                remove([partition], &output)
            }
        }
    }

    // MARK: Fetching

    func fetch(_ request: GroupRequest.Fetch) throws(GroupError) -> [GroupAnswer.Position] {
        if let consumer, request.member.generation >= 0 || !request.member.memberID.isEmpty {
            try consumer.check(request.member)
        }
        let partitions = request.partitions ?? offsets.offsets.keys.sorted()
        return partitions.map { partition in
            if request.requiresStable && offsets.isPending(partition) {
                return GroupAnswer.Position(partition, nil, .unstableOffsetCommit)
            }
            return GroupAnswer.Position(partition, offsets[partition], .none)
        }
    }

    // MARK: Deleting

    mutating func deleteOffsets(
        _ partitions: [TopicPartition], _ output: inout GroupOutput
    ) throws(GroupError) -> [GroupAnswer.Partition] {
        if isNothing { throw .groupIDNotFound }
        var subscribed: Set<String> = []
        if !isEmpty {
            guard let topics = subscribedTopics else { throw .nonEmptyGroup }
            subscribed = topics
        }
        return partitions.map { partition in
            if subscribed.contains(partition.topic) { return GroupAnswer.Partition(partition, .groupSubscribedToTopic) }
            if offsets.partitions.contains(partition) { remove([partition], &output) }
            return GroupAnswer.Partition(partition, .none)
        }
    }

    /// Removes positions permanently.
    mutating func remove(_ partitions: [TopicPartition], _ output: inout GroupOutput) {
        for partition in partitions.sorted() {
            offsets.remove(partition)
            output.records.append(.offset(OffsetRecord(group: classic.name, partition: partition, offset: nil)))
        }
    }

    /// Removes the positions that have expired, and the group if nothing else is retained of it.
    mutating func expireOffsets(_ context: GroupContext, _ output: inout GroupOutput) {
        let limit = context.now.time - context.settings.offsetsRetention
        // A group that assigned partitions to members retains the offsets of the topics that they subscribe to while it
        // has members, and for the retention time after that. In a group that never did, each offset expires on its
        // own, counted from its commit.
        let subscribed = isEmpty ? [] : subscribedTopics
        guard let subscribed else { return }
        let isSince = isEmpty && classic.protocolType != nil
        let expired = offsets.offsets.filter { partition, offset in
            guard !subscribed.contains(partition.topic), !offsets.isPending(partition) else { return false }
            return (isSince ? max(classic.stateTime, offset.time) : offset.time) <= limit
        }
        remove(Array(expired.keys), &output)
        if isEmpty && offsets.isEmpty && classic.pending.isEmpty { dissolve(&output) }
    }
}
