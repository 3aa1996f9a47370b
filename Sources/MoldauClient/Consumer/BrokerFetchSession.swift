// A fetch session (KIP-227) with one broker:
//
//          full fetch (epoch 0)          answer with an id            fetches: epoch 1, 2, …
//     none ────────────────────▶ asked ─────────────────▶ established ─────────────────────┐
//      ▲                           │ answer without one      │  ▲                            │
//      └───────────────────────────┴─────────────────────────┘  └────────────────────────────┘
//                                    an error, or no answer

internal import MoldauRecords
internal import MoldauWire

/// What a broker remembers of a consumer's fetches: requests name only the partitions that have changed, and responses
/// only those with new data.
struct BrokerFetchSession {
    /// What is requested of a partition.
    struct Entry: Equatable {
        var offset: Offset
        var leaderEpoch: Int32
    }

    private var id: Int32 = 0
    /// The epoch of the next request; 0 for one that names all partitions and begins a session.
    private var epoch: Int32 = 0
    private var known: [TopicPartition: Entry] = [:]

    /// Prepares a request that fetches these partitions, and no others.
    /// - Returns: the partitions that the request must name.
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

    /// Whether the last request belongs to an existing session: then its response contains only changes.
    var isIncremental: Bool { epoch != 0 }

    /// Takes the response of the request.
    mutating func answered(_ response: FetchResponse) {
        if epoch != 0 {
            epoch = epoch == .max ? 1 : epoch + 1
        } else if response.sessionID != 0 {
            (id, epoch) = (response.sessionID, 1)
        } else {
            // The broker keeps no session.
            self = BrokerFetchSession()
        }
    }

    /// The request got no response, or was refused: the next one names all partitions. It ends the session, if the
    /// broker still has it.
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
