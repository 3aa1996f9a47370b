#if SABOTAGE
    import MoldauLog
#endif

/// A deliberate bug in a simulated run. How soon the simulator finds each of them measures its quality.
package enum PlantedMistake: String, CaseIterable, Sendable {
    // Disk: implemented by `SimulatedDisk`.
    /// Names are never made durable.
    case directorySyncSkipped
    /// … those of a partition's files are not made durable.
    case partitionDirectorySyncSkipped
    /// … those of partitions and of the broker's own files are not made durable.
    case rootDirectorySyncSkipped
    /// Acknowledged data is not on disk.
    case syncSkipped
    /// A sync of several files makes only one durable.
    case groupSyncOfOneFile
    /// A file replaces another before its content is on disk.
    case contentSyncSkippedBeforeRename
    /// A failed sync is retried, and its success is trusted.
    case failedSyncRetried
    /// A write that did not fit on the disk counts as complete.
    case diskFullIgnored
    /// A short read counts as the end of the file.
    case shortReadTakenForEnd
    /// A partial write counts as complete.
    case shortWriteTakenForAll
    /// Torn bytes are left after the end of the log.
    case tornTailKept
    /// After a crash the broker assumes that it was stopped cleanly, and verifies no checksums.
    case cleanMarkerKept

    /// The durable offsets are not recorded: damage counts as a torn tail.
    case journalIgnored
    /// The syncs of `.interval` run ten times too rarely.
    case intervalSyncLate

    // Stores: implemented by `SimulatedState`.
    /// A store's data and its offset are not written atomically.
    case storeBatchNotAtomic
    /// A flush makes the offset durable but not the data.
    case storeFlushKeepsOffsetOnly
    /// Deleted keys reappear after a crash.
    case deletionsForgotten
    /// A restore starts one record too late.
    case changelogOffsetTooHigh

    // Clients: implemented by `SimulatedCluster`.
    case offsetsCommittedBeforeOutputs
    case offsetsCommittedBeforeTransaction
    case offsetsCommittedAfterTransaction
    /// Two batches are reordered in flight.
    case batchesReordered
    /// Retried batches are not recognised.
    case batchesWithoutSequence
    /// A new producer does not fence the old one.
    case transactionalIDPerProducer
    /// Stores are notified of a commit before it is complete.
    case commitAcknowledgedEarly
    case committedOffsetIgnored
    case committedOffsetTooHigh
    case committedOffsetTooLow
    /// Partition times and processors' times do not survive a restart.
    case commitMetadataLost
    case suppressionNotRestored
    case changelogNotRestored
    case outputsOutsideTransaction
    /// A record that could not be sent counts as sent.
    case sendErrorIgnored
    /// Records of a repartition topic are deleted before they are read.
    case purgedTooEarly
    /// Retention deletes records of a repartition topic that are not read yet.
    case retentionOnRepartition

    /// An abort by the cluster ends the thread.
    case abortEndsThread

    // Clocks: implemented by `SimulatedClock`.
    /// Durations are measured with the wall clock.
    case durationsByWallClock

    // State from before a restart: implemented by `SimulatedProcess` and `SimulatedCluster`.
    /// The tasks of a thread run one after the other, whatever the timestamps of their records.
    case tasksOneAfterTheOther
    /// A topic that was deleted and recreated counts as the old one.
    case otherTopicBelieved

    // Tasks that move from one thread to another.
    /// The commit before a task moves omits the task's positions.
    case taskHandedOverBeforeCommit
    /// A restore ends where an open transaction begins, although committed records may follow.
    case restoredToStableOffset
    /// A standby copy's stores are taken over without reading the rest of their changelogs.
    case copyTakenWithoutTail

    // Queries of stores.
    /// A query for committed values sees uncommitted ones.
    case uncommittedShown
    /// A standby copy answers as if it were the task itself.
    case staleShownAsFresh
    /// A query of a key goes to the task of the next partition.
    case wrongPartitionAsked
    /// A global table's answer claims to contain all records of its topic.
    case globalPositionTooHigh

    // The broker: see `Sabotage`.
    case stableOffsetTooHigh
    case abortedReadable
    case sequenceUnchecked
    case staleEpochAccepted
    case markerLost
    case partialDecisionTaken
    case decisionNotSynced
    case decisionForgotten
    case openTransactionForgotten
    case expiredCommitted
    case offsetsHiddenByUndecided
    case damageServed
    case positionsBelieved
    case positionsBehindEndKept
    case digestCut
    case snapshotForgetsLast
    case skipsDirectorySync
    case neverCompacts
    case retentionByEventTime

    // … towards external clients: found by `Strangers`.
    case unlistedAccepted
    case staleEndAccepted
    case endAnsweredEarly
    case initAnsweredEarly
    case olderTwinAppended
    case expiredLeftOpen
    case initLeavesOpen

    // … towards external members of groups: found by `StrangeGroup`.
    case staleGenerationAccepted
    case revokedCommitKept
    case staticTwinAccepted
    case partitionHasTwoOwners
    case sessionCutShort
    case pendingPositionVisible
    case abortedPositionsKept
    case olderPositionWins
    case groupAnsweredEarly
    case membersForgotten
    case outsiderCommits
    case otherProtocolJoins

    /// Whether this build contains the broker's bugs: if `SABOTAGE` is defined.
    package static var areInBuild: Bool {
        #if SABOTAGE
            true
        #else
            false
        #endif
    }

    #if SABOTAGE
        /// The corresponding bug of the broker.
        var sabotage: Sabotage {
            switch self {
            case .stableOffsetTooHigh: .stableOffsetTooHigh
            case .abortedReadable: .abortedReadable
            case .sequenceUnchecked: .sequenceUnchecked
            case .staleEpochAccepted: .staleEpochAccepted
            case .markerLost: .markerLost
            case .partialDecisionTaken: .partialDecisionTaken
            case .decisionNotSynced: .decisionNotSynced
            case .decisionForgotten: .decisionForgotten
            case .openTransactionForgotten: .openTransactionForgotten
            case .expiredCommitted: .expiredCommitted
            case .offsetsHiddenByUndecided: .offsetsHiddenByUndecided
            case .damageServed: .damageServed
            case .positionsBelieved: .positionsBelieved
            case .positionsBehindEndKept: .positionsBehindEndKept
            case .digestCut: .digestCut
            case .snapshotForgetsLast: .snapshotForgetsLast
            case .skipsDirectorySync: .skipsDirectorySync
            case .neverCompacts: .neverCompacts
            case .retentionByEventTime: .retentionByEventTime
            case .unlistedAccepted: .unlistedAccepted
            case .staleEndAccepted: .staleEndAccepted
            case .endAnsweredEarly: .endAnsweredEarly
            case .initAnsweredEarly: .initAnsweredEarly
            case .olderTwinAppended: .olderTwinAppended
            case .expiredLeftOpen: .expiredLeftOpen
            case .initLeavesOpen: .initLeavesOpen
            case .staleGenerationAccepted: .staleGenerationAccepted
            case .revokedCommitKept: .revokedCommitKept
            case .staticTwinAccepted: .staticTwinAccepted
            case .partitionHasTwoOwners: .partitionHasTwoOwners
            case .sessionCutShort: .sessionCutShort
            case .pendingPositionVisible: .pendingPositionVisible
            case .abortedPositionsKept: .abortedPositionsKept
            case .olderPositionWins: .olderPositionWins
            case .groupAnsweredEarly: .groupAnsweredEarly
            case .membersForgotten: .membersForgotten
            case .outsiderCommits: .outsiderCommits
            case .otherProtocolJoins: .otherProtocolJoins
            default: []
            }
        }
    #endif
}
