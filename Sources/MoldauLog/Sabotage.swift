#if SABOTAGE
    /// Deliberate bugs of a log or a broker, to show that tests and the simulator find them. Passed on by its file
    /// system. They are compiled only if `SABOTAGE` is defined: no release build has them.
    package struct Sabotage: OptionSet, Sendable {
        package let rawValue: Int

        package init(rawValue: Int) { self.rawValue = rawValue }

        /// The last stable offset is beyond the first record of an open transaction.
        package static let stableOffsetTooHigh = Sabotage(rawValue: 1 << 0)
        /// Readers of committed records see those of aborted transactions.
        package static let abortedReadable = Sabotage(rawValue: 1 << 1)
        /// Batches that were already appended are appended again.
        package static let sequenceUnchecked = Sabotage(rawValue: 1 << 2)
        /// Older producers of a transactional id may still write.
        package static let staleEpochAccepted = Sabotage(rawValue: 1 << 3)
        /// A transaction's marker is not written to one of its partitions.
        package static let markerLost = Sabotage(rawValue: 1 << 4)
        /// After a crash a commit is carried out even if records of the transaction are missing.
        package static let partialDecisionTaken = Sabotage(rawValue: 1 << 5)
        /// A commit is acknowledged before it is durable.
        package static let decisionNotSynced = Sabotage(rawValue: 1 << 6)
        /// A commit that was decided before a crash is not completed after it.
        package static let decisionForgotten = Sabotage(rawValue: 1 << 7)
        /// Transactions that were open at a crash are not aborted when their producer returns.
        package static let openTransactionForgotten = Sabotage(rawValue: 1 << 8)
        /// A transaction that has been open for too long is committed instead of aborted.
        package static let expiredCommitted = Sabotage(rawValue: 1 << 9)
        /// Committed offsets that follow an open transaction are lost by a restart.
        package static let offsetsHiddenByUndecided = Sabotage(rawValue: 1 << 10)
        /// Committed positions beyond the end of a log that a crash has shortened are kept.
        package static let positionsBehindEndKept = Sabotage(rawValue: 1 << 11)
        /// A commit records the read positions from the client, even beyond the ends of the partitions.
        package static let positionsBelieved = Sabotage(rawValue: 1 << 12)
        /// Records are served without comparing them with their checksums.
        package static let damageServed = Sabotage(rawValue: 1 << 13)
        /// Compaction distinguishes keys by 16 bits only.
        package static let digestCut = Sabotage(rawValue: 1 << 14)
        /// A snapshot of committed offsets lacks its last entry.
        package static let snapshotForgetsLast = Sabotage(rawValue: 1 << 15)
        /// Names are not made durable: by a log, or by the operating system's file system.
        package static let skipsDirectorySync = Sabotage(rawValue: 1 << 16)
        /// No log is ever compacted.
        package static let neverCompacts = Sabotage(rawValue: 1 << 17)
        /// Retention counts from the records' timestamps, not from when they were appended.
        package static let retentionByEventTime = Sabotage(rawValue: 1 << 18)
        /// A transactional batch is accepted by a partition that its transaction does not include.
        package static let unlistedAccepted = Sabotage(rawValue: 1 << 19)
        /// A producer that was replaced may end its successor's transaction.
        package static let staleEndAccepted = Sabotage(rawValue: 1 << 20)
        /// The end of a transaction is answered before the decision is durable.
        package static let endAnsweredEarly = Sabotage(rawValue: 1 << 21)
        /// A producer is returned before its creation is durable.
        package static let initAnsweredEarly = Sabotage(rawValue: 1 << 22)
        /// A retried batch is appended again, unless it was the producer's last one.
        package static let olderTwinAppended = Sabotage(rawValue: 1 << 23)
        /// A transaction that has been open for too long is left open.
        package static let expiredLeftOpen = Sabotage(rawValue: 1 << 24)
        /// A new producer of an external client begins while its predecessor's transaction is open.
        package static let initLeavesOpen = Sabotage(rawValue: 1 << 25)
        /// A commit is accepted although its member is of an older generation.
        package static let staleGenerationAccepted = Sabotage(rawValue: 1 << 26)
        /// A commit is accepted although its member has lost its partitions (the consumer protocol).
        package static let revokedCommitKept = Sabotage(rawValue: 1 << 27)
        /// A process is accepted as a static member although another one has taken its instance id.
        package static let staticTwinAccepted = Sabotage(rawValue: 1 << 28)
        /// A member gets its partitions before others have released them.
        package static let partitionHasTwoOwners = Sabotage(rawValue: 1 << 29)
        /// A member is removed before its session has expired.
        package static let sessionCutShort = Sabotage(rawValue: 1 << 30)
        /// Positions in a transaction take effect before it is committed.
        package static let pendingPositionVisible = Sabotage(rawValue: 1 << 31)
        /// … and although it is aborted.
        package static let abortedPositionsKept = Sabotage(rawValue: 1 << 32)
        /// The positions of a transaction replace those that were committed after them.
        package static let olderPositionWins = Sabotage(rawValue: 1 << 33)
        /// Members get their answers before these are durable.
        package static let groupAnsweredEarly = Sabotage(rawValue: 1 << 34)
        /// After a crash groups have no members any more, and their generations restart.
        package static let membersForgotten = Sabotage(rawValue: 1 << 35)
        /// A client that is not a member may commit while there are members.
        package static let outsiderCommits = Sabotage(rawValue: 1 << 36)
        /// A group accepts members that do not support its protocol.
        package static let otherProtocolJoins = Sabotage(rawValue: 1 << 37)
    }
#endif
