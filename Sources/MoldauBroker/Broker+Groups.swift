// The driver of the group coordinator: requests and the time go in, records are appended to the offsets topic, and
// answers are returned once what they state is durable. No call blocks on a sync.

internal import Logging
internal import MoldauLog
internal import MoldauRecords

extension Broker {
    /// Sends a request to the group coordinator. Does not block on a sync.
    /// - Parameter completion: gets the answer, once, when everything it states is as durable as `durability` promises:
    ///   before this returns, or later from the broker's callbacks; with no lock held. A failure means that the group
    ///   is currently unavailable: with `.unreadable` until its partition is repaired, with others until the client
    ///   retries.
    package func ask(
        _ request: GroupRequest, then completion: @escaping @Sendable (Result<GroupAnswer, BrokerError>) -> Void
    ) {
        if let group = request.group {
            do throws(BrokerError) { try checkReadable(group: group) } catch { return completion(.failure(error)) }
        }
        deliver { state in
            state.ticketCount += 1
            let ticket = GroupTicket(state.ticketCount)
            state.waiting[ticket] = completion
            return .request(request, ticket)
        }
    }

    /// Tells all waiting members that the coordinator is stopping.
    package func stopGroups() { deliver { _ in .stop } }

    private func wakeGroups() {
        deliver { state in
            state.timer = nil
            return .wake
        }
    }

    private typealias Given = (completion: Groups.Completion, answer: Result<GroupAnswer, BrokerError>)

    private func deliver(_ event: (inout Groups.State) -> GroupEvent) {
        let (given, held, write) = groups.inOrder { state -> ([Given], [Given], Int) in
            let event = event(&state)
            var (given, held): ([Given], [Given]) = ([], [])
            do throws(BrokerError) {
                try prepare(&state)
                for action in state.coordinator.handle(event, at: groupMoment) {
                    switch action {
                    case .append(let write): try append(write, &state)
                    case .answer(let ticket, let answer, let after):
                        guard let completion = state.waiting.removeValue(forKey: ticket) else { continue }
                        #if SABOTAGE
                            let after = files.sabotage.contains(.groupAnsweredEarly) ? 0 : after
                        #endif
                        let isDurable = durability != .sync || after <= state.durableWrite
                        if isDurable { given.append((completion, .success(answer))) }
                        if !isDurable { held.append((completion, .success(answer))) }
                    }
                }
            } catch {
                // Pending answers are not reliable any more. The state is reloaded from disk before the next event.
                state.isAhead = true
                let unsure = held.map(\.completion) + state.waiting.sorted(on: \.key).map(\.value)
                given += unsure.map { ($0, .failure(error)) }
                (held, state.waiting) = ([], [:])
            }
            setTimer(&state)
            return (given, held, state.coordinator.lastWrite)
        }
        for (completion, answer) in given { completion(answer) }
        if !held.isEmpty { answerWhenDurable(held, write) }
    }

    private func answerWhenDurable(_ held: [Given], _ write: Int) {
        groupCommit.afterSync { [groups] failure in
            if failure == nil { groups.inOrder { $0.durableWrite = max($0.durableWrite, write) } }
            for (completion, answer) in held {
                completion(failure.map { .failure(.storage($0)) } ?? answer)
            }
        }
    }

    private var groupMoment: GroupMoment { GroupMoment(uptime: uptime(), time: clock()) }

    private func setTimer(_ state: inout Groups.State) {
        let next = state.coordinator.nextWake
        if next == state.timer?.time { return }
        if let timer = state.timer { callbacks.cancel(timer.number) }
        state.timer = next.map { time in
            (callbacks.call(after: time - uptime()) { [weak self] in self?.wakeGroups() }, time)
        }
    }

    private func append(_ write: GroupWrite, _ state: inout Groups.State) throws(BrokerError) {
        if topic(Self.offsetsTopic) == nil { try createOffsetsTopic() }
        let partition = try partition(TopicPartition(Self.offsetsTopic, write.partition))
        state.written[write.partition, default: 0] += try append(
            write.records[...], to: partition, by: write.producer?.unnumberedStamp ?? .none)
        if state.written[write.partition, default: 0] >= snapshotIntervalBytes {
            // Not here: it waits for the disk.
            callbacks.call { [weak self] in self?.snapshotGroups(of: write.partition) }
        }
    }

    private func snapshotGroups(of number: Int32) {
        do throws(BrokerError) {
            let partition = try partition(TopicPartition(Self.offsetsTopic, number))
            try groups.inOrder { state throws(BrokerError) in
                try prepare(&state)
                try writeSnapshotIfDue(number, partition, &state)
            }
        } catch {
            logger.warning(
                "a summary of the groups could not be written; this is tried again after the next record",
                metadata: ["partition": "\(number)", "error": "\(error)"])
        }
    }

    // MARK: Memory and disk

    /// Passes the current topics and partitions to the coordinator, and reloads it from disk if a write has failed.
    func prepare(_ state: inout Groups.State) throws(BrokerError) {
        if let (topics, count) = topics(unless: state.topicsSeen) {
            state.topicsSeen = count
            let known = topics.compactMap { topic in
                topic.id.map { GroupTopic(name: topic.name, id: $0, partitionCount: topic.partitionCount) }
            }
            _ = state.coordinator.handle(.topics(known), at: groupMoment)
        }
        state.coordinator.settings.offsetsPartitionCount =
            topic(Self.offsetsTopic)?.partitionCount ?? Self.offsetsPartitionCount
        guard state.isAhead else { return }
        var coordinator = state.coordinator.emptied()
        if let topic = topic(Self.offsetsTopic) {
            for number in 0..<topic.partitionCount where state.unreadable[number] == nil {
                let partition = try partition(TopicPartition(Self.offsetsTopic, number))
                coordinator.adopt(try read(partition, like: coordinator).placed)
            }
        }
        coordinator.endReplay(at: groupMoment)
        state.coordinator = coordinator
        state.isAhead = false
    }

    /// The records of groups in one partition of the offsets topic.
    struct GroupsOnDisk {
        var byteCount = 0
        var placed: GroupCoordinator
        /// The groups whose records should be in another partition.
        var misplaced: GroupCoordinator
    }

    func read(
        _ partition: BrokerPartition<Files>, like coordinator: GroupCoordinator
    ) throws(BrokerError) -> GroupsOnDisk {
        #if SABOTAGE
            let isHiding = files.sabotage.contains(.offsetsHiddenByUndecided)
            let end = isHiding ? try partition.bounds().upperBound : Offset(.max)
        #endif
        let number = partition.name.partition.number
        var found = GroupsOnDisk(placed: coordinator.emptied(), misplaced: coordinator.emptied())
        found.byteCount = try partition.forEachBatch { header, batch, reader throws(RecordBatchError) in
            #if SABOTAGE
                guard header.baseOffset < end else { return }
            #endif
            let producer = header.producer
            if header.isControl {
                let isCommit = TransactionMarker(batch: batch)?.isCommit ?? false
                found.placed.replayMarker(of: producer.id, isCommit: isCommit, partition: nil)
                found.misplaced.replayMarker(of: producer.id, isCommit: isCommit, partition: nil)
            }
            while let record = try reader.next() {
                guard let read = GroupRecord(key: record.key, value: record.value) else { continue }
                #if SABOTAGE
                    if files.sabotage.contains(.membersForgotten), !read.isOffset { continue }
                #endif
                let transaction = producer.isTransactional ? producer.id : nil
                if coordinator.partition(of: read.group) == number {
                    found.placed.replay(read, in: transaction)
                } else {
                    found.misplaced.replay(read, in: transaction)
                }
            }
        }
        return found
    }
}

#if SABOTAGE
    extension GroupRecord {
        fileprivate var isOffset: Bool {
            if case .offset = self { true } else { false }
        }
    }
#endif
