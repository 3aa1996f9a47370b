import MoldauBroker
import MoldauRecords

/// The guarantees that external clients were given; everything they read must agree with them.
struct StrangerLedger {
    enum Fate {
        /// Its end was not requested.
        case open
        /// Committed: all of it must exist.
        case committed
        /// Aborted, or its producer was fenced: none of it may exist.
        case aborted
        /// A commit was requested, and not answered: all of it exists, or nothing.
        case unknown
    }

    struct Transaction {
        let id: String
        /// When it began; when its process began, if that was later.
        var begun: Timestamp
        var values: [(partition: TopicPartition, value: String)] = []
        var hasOffsets = false
        var fate = Fate.open
        /// Whether its end was requested in time.
        var isAsked = false
        var isTimedOut = false
        var isEmpty: Bool { values.isEmpty && !hasOffsets }
    }

    private(set) var transactions: [Transaction] = []
    /// The values sent outside transactions, in order, and whether they were acknowledged.
    private(set) var plain: [(partition: TopicPartition, value: String, isAcknowledged: Bool)] = []
    private(set) var violations: [String] = []
    /// The newest producer of each id that any client has received.
    private var newest: [String: ProducerIdentity] = [:]
    /// The session of each producer.
    private var holders: [ProducerIdentity: Int] = [:]
    private var fates: [String: Int] = [:]

    mutating func complain(_ text: String) { violations.append(text) }

    /// - Parameter goesOn: whether the session named its previous producer: then it may get the same answer twice.
    mutating func given(_ producer: ProducerIdentity, of id: String, to session: Int, goesOn: Bool) {
        if let holder = holders[producer], holder != session || !goesOn {
            complain("the producer \(producer) of \(id) was given to session \(session), and earlier to \(holder)")
        }
        holders[producer] = session
        if let known = newest[id], (known.id, known.epoch) >= (producer.id, producer.epoch) { return }
        newest[id] = producer
    }

    func isFenced(_ producer: ProducerIdentity, of id: String) -> Bool {
        newest[id].map { ($0.id, $0.epoch) > (producer.id, producer.epoch) } ?? false
    }

    mutating func begin(_ id: String, at time: Timestamp) -> Int {
        transactions.append(Transaction(id: id, begun: time))
        return transactions.count - 1
    }

    mutating func add(_ value: String, to partition: TopicPartition, in transaction: Int) {
        fates[value] = transaction
        transactions[transaction].values.append((partition, value))
    }

    mutating func addOffsets(in transaction: Int) { transactions[transaction].hasOffsets = true }

    /// Called when a transaction grew: if its beginning was lost while it was empty, it begins here.
    mutating func grew(_ transaction: Int, at time: Timestamp) {
        transactions[transaction].begun = time
        if transactions[transaction].isEmpty { transactions[transaction].isTimedOut = false }
    }

    mutating func askedToEnd(_ transaction: Int) { transactions[transaction].isAsked = true }

    mutating func settle(_ transaction: Int, _ fate: Fate) {
        // A transaction whose beginning was lost in a crash while it was empty cannot be told from the commit before
        // it.
        if fate == .committed, transactions[transaction].isTimedOut, !transactions[transaction].isEmpty {
            complain("transaction \(transaction) was committed though it had timed out")
        }
        transactions[transaction].fate = fate
    }

    mutating func addPlain(_ value: String, to partition: TopicPartition) -> Int {
        plain.append((partition, value, false))
        return plain.count - 1
    }

    mutating func acknowledgePlain(_ number: Int) { plain[number].isAcknowledged = true }

    /// Called when the broker has aborted transactions that were open for too long.
    mutating func expired(after timeout: Duration, now: Timestamp) {
        for number in transactions.indices where transactions[number].fate == .open && !transactions[number].isAsked {
            let age = Duration.milliseconds(now.ms - transactions[number].begun.ms)
            if age > timeout { transactions[number].isTimedOut = true }
        }
    }

    /// Called when a new process found the open transactions. Their timeouts may be lost: no client was notified of
    /// them.
    mutating func restarted(at time: Timestamp) {
        for number in transactions.indices where transactions[number].fate == .open {
            (transactions[number].begun, transactions[number].isTimedOut) = (time, false)
        }
    }

    // MARK: Checks

    /// Adds violations for values that a reader of committed records must not see.
    mutating func checkSeen(_ values: [String], in partition: TopicPartition) {
        for value in values {
            guard let number = fates[value], transactions[number].fate == .aborted else { continue }
            complain("a reader of \(partition) sees \(value), whose transaction was aborted")
        }
    }

    /// Compares everything that a reader of committed records sees at the end with the guarantees.
    mutating func check(_ seen: [TopicPartition: [String]]) {
        for (partition, values) in seen.sorted(on: \.key) {
            checkSeen(values, in: partition)
            var last: [String: Int] = [:]
            var order: [String: Int] = [:]
            for value in values {
                last[value, default: 0] += 1
                if last[value] == 2 { complain("\(partition) has \(value) twice") }
                // Values consist of their senders' name and a number.
                let parts = value.split(separator: "-")
                guard parts.count == 2, let number = Int(parts[1]) else {
                    complain("\(partition) has \(value), which nobody sent")
                    continue
                }
                if number < order[String(parts[0])] ?? -1 { complain("\(partition) has \(value) out of order") }
                order[String(parts[0])] = number
            }
        }
        let held = seen.mapValues { Set($0) }
        for (number, transaction) in transactions.enumerated() {
            let found = transaction.values.filter { held[$0.partition]?.contains($0.value) == true }.count
            switch transaction.fate {
            case .committed where found < transaction.values.count:
                complain("transaction \(number) was committed, but has only \(found) of \(transaction.values.count)")
            case .unknown where found > 0 && found < transaction.values.count:
                complain("of transaction \(number), \(found) of \(transaction.values.count) are there")
            default: break
            }
        }
        for sent in plain where sent.isAcknowledged && held[sent.partition]?.contains(sent.value) != true {
            complain("\(sent.partition) lacks \(sent.value), which was acknowledged")
        }
    }

    /// Compares the position of an id's group, the number of a transaction, with the guarantees.
    mutating func check(position: Int?, of id: String) {
        let required = transactions.lastIndex { $0.id == id && $0.hasOffsets && $0.fate == .committed }
        if let required, position.map({ $0 < required }) ?? true {
            complain("the position of \(id) is \(position ?? -1), and that of transaction \(required) was committed")
        }
        guard let position else { return }
        guard transactions.indices.contains(position), transactions[position].id == id else {
            return complain("the position of \(id) is \(position), which nobody committed")
        }
        if transactions[position].fate == .aborted {
            complain("the position of \(id) is that of transaction \(position), which was aborted")
        }
    }
}
