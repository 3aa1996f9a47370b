#if SABOTAGE
    import MoldauLog
#endif

/// A mistake that a simulated run can be told to make. What the simulator is worth is how soon it finds each of them.
package enum PlantedMistake: String, CaseIterable, Sendable {
    // The disk: made by `SimulatedDisk`.
    /// Names are never made durable.
    case directorySyncSkipped
    /// … those of a partition's files are not.
    case partitionDirectorySyncSkipped
    /// … those of partitions and of the broker's own files are not.
    case rootDirectorySyncSkipped
    /// What is acknowledged is not on disk.
    case syncSkipped
    /// A sync of several files makes one durable.
    case groupSyncOfOneFile
    /// A file replaces another before its content is on disk.
    case contentSyncSkippedBeforeRename
    /// A failed sync is tried again, and its success believed.
    case failedSyncRetried
    /// A write that did not fit is taken for done.
    case diskFullIgnored
    /// Fewer bytes than asked for are taken for the end of a file.
    case shortReadTakenForEnd
    /// A write of a part is taken for one of everything.
    case shortWriteTakenForAll
    /// What was torn stays behind the end of the log.
    case tornTailKept
    /// After a crash the broker believes that it was stopped cleanly, and compares no checksums.
    case cleanMarkerKept

    /// Nobody knows what was durable: damage is taken for a torn tail.
    case journalIgnored
    /// The syncs of `.interval` come ten times too rarely.
    case intervalSyncLate

    // Stores: made by `SimulatedState`.
    /// A store's data and its offset are not written in one step.
    case storeBatchNotAtomic
    /// A flush makes the offset durable and not the data.
    case storeFlushKeepsOffsetOnly
    /// What was deleted is back after a crash.
    case deletionsForgotten
    /// A restore begins one record too late.
    case changelogOffsetTooHigh

    // Clients: made by `SimulatedCluster`.
    case offsetsCommittedBeforeOutputs
    case offsetsCommittedBeforeTransaction
    case offsetsCommittedAfterTransaction
    /// Two batches change places on their way.
    case batchesReordered
    /// Batches that are sent again are not known again.
    case batchesWithoutSequence
    /// A new producer does not fence the old one.
    case transactionalIDPerProducer
    /// Stores are told of a commit before it is one.
    case commitAcknowledgedEarly
    case committedOffsetIgnored
    case committedOffsetTooHigh
    case committedOffsetTooLow
    /// Partition times and processors' times do not survive a restart.
    case commitMetadataLost
    case suppressionNotRestored
    case changelogNotRestored
    case outputsOutsideTransaction
    /// What could not be sent is taken for sent.
    case sendErrorIgnored
    /// Records of a repartition topic go before they are read.
    case purgedTooEarly
    /// A time limit takes records of a repartition topic that are not read yet.
    case retentionOnRepartition

    /// That the cluster has aborted a transaction ends the thread.
    case abortEndsThread

    // The clocks: made by `SimulatedClock`.
    /// How long something takes goes by the clock on the wall.
    case durationsByWallClock

    // What is kept of before: made by `SimulatedProcess` and `SimulatedCluster`.
    /// Tasks of a thread are served one after the other, whatever the times of their records.
    case tasksOneAfterTheOther
    /// A topic that was deleted and made again is taken for the one before.
    case otherTopicBelieved

    // Tasks that go from one thread to another.
    /// A commit before a task goes leaves the task's positions out.
    case taskHandedOverBeforeCommit
    /// A restore ends where an open transaction begins, although there may be committed records behind it.
    case restoredToStableOffset
    /// A standby copy's stores are taken over as they are: what their changelogs have beyond is not read.
    case copyTakenWithoutTail

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

    /// Whether this build makes mistakes of the broker: where `SABOTAGE` is defined.
    package static var areInBuild: Bool {
        #if SABOTAGE
            true
        #else
            false
        #endif
    }

    #if SABOTAGE
        /// What the broker does wrong.
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
            default: []
            }
        }
    #endif
}
