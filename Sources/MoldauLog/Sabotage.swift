#if SABOTAGE
    /// Known mistakes, so that it can be shown that tests and the simulator find them. They come in by the files that a log or a
    /// broker stands on, and only where `SABOTAGE` is defined: no release build has them.
    package struct Sabotage: OptionSet, Sendable {
        package let rawValue: Int

        package init(rawValue: Int) { self.rawValue = rawValue }

        /// The last stable offset is behind the first record of an open transaction.
        package static let stableOffsetTooHigh = Sabotage(rawValue: 1 << 0)
        /// Readers of committed records see those of aborted transactions.
        package static let abortedReadable = Sabotage(rawValue: 1 << 1)
        /// Batches that came already are appended again.
        package static let sequenceUnchecked = Sabotage(rawValue: 1 << 2)
        /// Older producers of a transactional id may go on.
        package static let staleEpochAccepted = Sabotage(rawValue: 1 << 3)
        /// A transaction's marker is not written to one of its partitions.
        package static let markerLost = Sabotage(rawValue: 1 << 4)
        /// A decision counts after a crash whether or not the transaction's records are there.
        package static let partialDecisionTaken = Sabotage(rawValue: 1 << 5)
        /// A commit is acknowledged before it is durable.
        package static let decisionNotSynced = Sabotage(rawValue: 1 << 6)
        /// What was decided before a crash is not carried out after it.
        package static let decisionForgotten = Sabotage(rawValue: 1 << 7)
        /// Transactions that were open at a crash are not ended by their next producer.
        package static let openTransactionForgotten = Sabotage(rawValue: 1 << 8)
        /// A transaction that is open for too long is committed.
        package static let expiredCommitted = Sabotage(rawValue: 1 << 9)
        /// Committed offsets behind an open transaction are not read after a restart.
        package static let offsetsHiddenByUndecided = Sabotage(rawValue: 1 << 10)
        /// Positions behind the end of what a crash left stay.
        package static let positionsBehindEndKept = Sabotage(rawValue: 1 << 11)
        /// A transaction counts as whole only where its group's positions are, whatever they are.
        package static let positionsBelieved = Sabotage(rawValue: 1 << 12)
        /// What is read is not compared with its checksums.
        package static let damageServed = Sabotage(rawValue: 1 << 13)
        /// Compaction tells keys apart by 16 bits alone.
        package static let digestCut = Sabotage(rawValue: 1 << 14)
        /// A snapshot of committed offsets is without its last entry.
        package static let snapshotForgetsLast = Sabotage(rawValue: 1 << 15)
        /// The names of a log's files are not made durable.
        package static let skipsDirectorySync = Sabotage(rawValue: 1 << 16)
        /// Nothing is ever worth a compaction.
        package static let neverCompacts = Sabotage(rawValue: 1 << 17)
        /// Retention counts from when records happened, not from when they came.
        package static let retentionByEventTime = Sabotage(rawValue: 1 << 18)
    }
#endif
