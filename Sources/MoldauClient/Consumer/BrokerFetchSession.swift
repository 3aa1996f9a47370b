// One session (KIP-227), of one broker:
//
//          full fetch (epoch 0)          answer with an id            fetches: epoch 1, 2, …
//     none ────────────────────▶ asked ─────────────────▶ established ─────────────────────┐
//      ▲                           │ answer without one      │  ▲                            │
//      └───────────────────────────┴─────────────────────────┘  └────────────────────────────┘
//                                    an error, or no answer

internal import MoldauRecords
internal import MoldauWire

/// What one broker keeps in mind of a consumer's fetches: a request then names only the partitions that have changed,
/// and an answer only those that have news.
struct BrokerFetchSession {
    /// What is asked for of a partition.
    struct Entry: Equatable {
        var offset: Offset
        var leaderEpoch: Int32
    }

    private var id: Int32 = 0
    /// Of the next request; 0 for one that names all partitions and begins a session.
    private var epoch: Int32 = 0
    private var known: [TopicPartition: Entry] = [:]

    /// Makes a request: fetches these partitions, and no others.
    /// - Returns: the partitions that it has to name.
    mutating func begin(
        _ request: inout FetchRequest, _ wanted: [(TopicPartition, Entry)]
    ) -> [TopicPartition] {
        (request.sessionID, request.sessionEpoch) = (id, epoch)
        let changed = wanted.filter { epoch == 0 || known[$0.0] != $0.1 }.map(\.0)
        let before = known
        known = Dictionary(uniqueKeysWithValues: wanted)
        if epoch != 0 {
            let forgotten = before.keys.filter { known[$0] == nil }
            request.forgottenTopicsData = forgotten.byTopic.map { topic, numbers in
                .init { ($0.topic, $0.partitions) = (topic, numbers) }
            }
        }
        return changed
    }

    /// Whether the request that was made last is for a session that is there: then only news are answered.
    var isIncremental: Bool { epoch != 0 }

    /// The request was answered.
    mutating func answered(_ response: FetchResponse) {
        if epoch != 0 {
            epoch = epoch == .max ? 1 : epoch + 1
        } else if response.sessionID != 0 {
            (id, epoch) = (response.sessionID, 1)
        } else {
            // The broker keeps none.
            self = BrokerFetchSession()
        }
    }

    /// The request had no answer, or was refused: the next one names all partitions. It ends the session, if the broker
    /// still has it.
    mutating func failed(isGone: Bool) {
        if isGone { id = 0 }
        (epoch, known) = (0, [:])
    }
}

extension ErrorCode {
    /// Whether a fetch was refused because of its session.
    var isAboutFetchSession: Bool {
        switch self {
        case .fetchSessionIDNotFound, .invalidFetchSessionEpoch, .fetchSessionTopicIDError: true
        default: false
        }
    }
}
