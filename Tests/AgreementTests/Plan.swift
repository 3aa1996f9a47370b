// A topology and its inputs as plain data: drawn from a seed, printed if they fail, and shrunk step by step.

/// One operator, on the results of earlier steps.
struct Step: CustomStringConvertible {
    enum Operator: String, CaseIterable {
        // Sources, by the number of the topic.
        case stream, table, versionedTable, globalTable
        // Of a stream.
        case mapValues, filter, selectKey, map, flatMap, flatMapValues, split, merge, repartition
        case toTable, aggregate, reduce, groupedAggregate, cogroup
        case tumbling, hopping, sliding, session, unlimited, windowedCogroup
        case tableJoin, leftTableJoin, graceJoin, globalJoin
        case join, leftJoin, outerJoin, selfJoin
        // Of a table.
        case mapRows, filterRows, tableTableJoin, leftTableTableJoin, outerTableTableJoin
        case foreignKeyJoin, leftForeignKeyJoin, regroup, regroupReduce, suppress, toStream

        /// Whether it looks up rows of one table for changes of another.
        var joinsTables: Bool {
            switch self {
            case .tableTableJoin, .leftTableTableJoin, .outerTableTableJoin, .foreignKeyJoin, .leftForeignKeyJoin: true
            default: false
            }
        }
        /// Whether its rows may be deleted although no row of its input is.
        var deletesRows: Bool {
            switch self {
            case .filterRows, .regroup, .regroupReduce, .foreignKeyJoin: true
            default: false
            }
        }
        /// Whether no row of its first input may change: see `Agreement`.
        var needsSteadyRows: Bool { self == .foreignKeyJoin }
    }

    /// How results of windows are emitted.
    enum Closing: String { case onUpdate, onClose, suppressed }

    var op: Operator
    var inputs: [Int] = []
    /// Varies the step's functions; for sources, the number of the topic.
    var number = 0
    var sizeMs: Int64 = 0
    var graceMs: Int64 = 0
    var closing = Closing.onUpdate
    /// Whether a table that needs no store gets one.
    var isStored = false

    var description: String {
        var text = "\(op)(\(inputs.map { "#\($0)" }.joined(separator: ", "))) number \(number)"
        if sizeMs > 0 { text += ", size \(sizeMs), grace \(graceMs), \(closing)" }
        return isStored ? text + ", stored" : text
    }
}

/// A record of an input topic; a nil value is a tombstone.
struct InputRecord: CustomStringConvertible {
    var topic: String
    var key: String
    var value: String?
    var time: Int64

    var description: String { "\(topic) \(time): \(key)=\(value ?? "nil")" }
}

/// What must agree between runs of a plan.
enum Rule {
    /// The whole run is one task on one partition: then its outputs are the same record by record.
    case oneTask
    /// The plan's results do not depend on how records of different partitions and sub-topologies interleave.
    case anyOrder
}

/// A topology, its inputs, and what is known of them.
struct Plan: CustomStringConvertible {
    let seed: UInt64
    let rule: Rule
    var steps: [Step]
    /// The records of all topics, in the order in which a single task takes them.
    var inputs: [InputRecord]
    /// How far times go back within a topic, in milliseconds.
    let disorderMs: Int64
    /// The traits of each step, by its number.
    var traits: [Traits]

    /// Steps that no other step reads.
    var unread: [Int] {
        let read = Set(steps.flatMap(\.inputs))
        return steps.indices.filter { !read.contains($0) }
    }

    /// The unread steps that are written to topics.
    var outputs: [Int] { unread.filter { steps[$0].op != .globalTable } }

    /// Whether a run that is interrupted after a commit continues as if it had not been. Operators forget their stream
    /// time, as those of Kafka Streams do, so records that are late for them may count after a restart.
    var isRestartable: Bool {
        rule == .anyOrder || disorderMs == 0 && !traits.contains(where: \.hangsOnForgottenTime)
    }

    static func topic(ofOutput step: Int) -> String { "out-\(step)" }

    var description: String {
        let steps = steps.enumerated().map { "  #\($0): \($1)" }.joined(separator: "\n")
        let inputs = inputs.map { "  \($0)" }.joined(separator: "\n")
        return "seed \(seed), \(rule), disorder \(disorderMs)\n\(steps)\n\(inputs)"
    }
}

/// What is known of a step's result.
struct Traits {
    /// How the outputs of two runs are compared if their order of processing differs.
    enum Comparison {
        /// The records of each key, in order.
        case sequencePerKey
        /// The records, in any order.
        case multiset
        /// The last record of each key; a tombstone is equal to none.
        case lastPerKey
        /// At most one record per key, and if both runs have one, the same. Which windows are closed at the end depends
        /// on each task's stream time.
        case finals
    }

    /// Whether the old values of a table's changes are what was sent before. All three cases occur in Kafka Streams.
    enum OldValues {
        case exact
        /// The first change of a key has the initial value of the aggregation as its old value, or what a join makes of
        /// that, unless changes are held.
        case initial
        /// A join without a store computes the old value with the other row as it is now, which may not have been sent
        /// yet.
        case stale
    }

    enum Shape { case stream, table, global }

    var shape = Shape.stream
    /// The key was changed and the stream not partitioned by it since: operators that need equal keys together
    /// repartition.
    var isRekeyed = false
    /// The records of a key arrive in one order, whatever the partitions and threads.
    var isOrdered = true
    /// No internal topic is between it and the sources: it is in their task.
    var isDirect = true
    /// Records may be later than the disorder of the inputs.
    var isRetimed = false
    /// A table whose rows can be looked up as soon as the record that changed them was processed.
    var isLive = false
    var oldValues = OldValues.exact
    var isVersioned = false
    /// A key may have several values or rows although each key of the inputs has one record.
    var isUnsteady = false
    /// The sources that it comes from.
    var roots: Set<Int> = []
    var comparison = Comparison.sequencePerKey
    var hangsOnForgottenTime = false
    /// The number of records depends on what is held until a commit: no step may follow.
    var isTerminal = false
}
