import MoldauRecords

// Draws plans. A step is added only if the plan's rule allows it: the comments at `follow` say what is left out and
// why.

/// Draws a plan from a seed.
struct PlanGenerator {
    /// Longer than any plan's inputs: nothing is late, nothing expires.
    static let endlessMs: Int64 = 100_000_000
    private static let keys = ["a", "b", "c", "d", "e", "f"]

    private var random: SeededGenerator
    private let seed: UInt64
    private let rule: Rule
    private let disorderMs: Int64
    private var steps: [Step] = []
    private var traits: [Traits] = []

    private init(seed: UInt64) {
        self.seed = seed
        random = SeededGenerator(seed: seed)
        rule = random.chance(40) ? .oneTask : .anyOrder
        disorderMs = random.chance(50) ? 0 : random.pick([3, 12, 25])
    }

    static func plan(seed: UInt64) -> Plan {
        var generator = PlanGenerator(seed: seed)
        return generator.draw()
    }

    private mutating func draw() -> Plan {
        for topic in 0..<2 { add(Step(op: .stream, number: topic), Traits(roots: [topic])) }
        for topic in 2..<4 {
            let isVersioned = random.chance(25)
            add(
                Step(op: isVersioned ? .versionedTable : .table, number: topic),
                Traits(
                    shape: .table, isLive: true, isVersioned: isVersioned, roots: [topic],
                    comparison: .lastPerKey))
        }
        add(Step(op: .globalTable, number: 4), Traits(shape: .global))
        let wanted = steps.count + Int.random(in: 2...9, using: &random)
        // Most draws are refused in narrow plans; the bound limits their number.
        for _ in 0..<200 where steps.count < wanted { drawStep() }
        let inputs = drawInputs()
        return Plan(
            seed: seed, rule: rule, steps: steps, inputs: inputs, disorderMs: disorderMs, traits: traits)
    }

    private mutating func add(_ step: Step, _ traits: Traits) {
        steps.append(step)
        self.traits.append(traits)
    }

    private mutating func drawStep() {
        var step = Step(op: random.pick(Step.Operator.allCases), number: Int.random(in: 0..<100, using: &random))
        step.isStored = random.chance(40)
        switch step.op {
        case .stream, .table, .versionedTable, .globalTable: return
        case .merge, .cogroup, .windowedCogroup, .join, .leftJoin, .outerJoin:
            step.inputs = [input(.stream), input(.stream)]
        case .tableJoin, .leftTableJoin, .graceJoin: step.inputs = [input(.stream), input(.table)]
        case .globalJoin: step.inputs = [input(.stream), input(.global)]
        case .mapRows, .filterRows, .regroup, .regroupReduce, .suppress, .toStream: step.inputs = [input(.table)]
        case .tableTableJoin, .leftTableTableJoin, .outerTableTableJoin, .foreignKeyJoin, .leftForeignKeyJoin:
            step.inputs = [input(.table), input(.table)]
        case .selfJoin: step.inputs = [input(.stream)]
        default: step.inputs = [input(.stream)]
        }
        step.closing = random.pick([.onUpdate, .onUpdate, .onClose, .suppressed])
        if let result = follow(&step) { add(step, result) }
    }

    /// The result of an earlier step; later ones are more likely.
    private mutating func input(_ shape: Traits.Shape) -> Int {
        let fitting = steps.indices.filter { traits[$0].shape == shape }
        return random.chance(60) ? fitting[fitting.count - 1] : random.pick(fitting)
    }

    // MARK: Which step may follow which

    /// The traits of the step's result; nil if the plan's rule does not allow the step.
    private mutating func follow(_ step: inout Step) -> Traits? {
        let inputs = step.inputs.map { traits[$0] }
        let first = inputs[0]
        if inputs.contains(where: \.isTerminal) { return nil }
        var result = first
        result.roots = inputs.reduce(into: []) { $0.formUnion($1.roots) }
        result.hangsOnForgottenTime = false
        result.isUnsteady = inputs.contains(where: \.isUnsteady)
        switch step.op {
        case .stream, .table, .versionedTable, .globalTable: return nil
        case .mapValues, .filter, .flatMapValues, .split:
            if step.op == .flatMapValues { result.isUnsteady = true }
            return result
        case .selectKey, .map, .flatMap:
            (result.isRekeyed, result.isOrdered, result.comparison) = (true, false, .multiset)
            result.isUnsteady = true
            return result
        case .merge:
            // Streams that arrive in order are merged by time, in every task alike.
            let isOrdered = inputs.allSatisfy { $0.isOrdered && $0.isDirect } && disorderMs == 0
            (result.isOrdered, result.comparison) = (isOrdered, isOrdered ? .sequencePerKey : .multiset)
            result.isRekeyed = inputs.contains(where: \.isRekeyed)
            result.isDirect = inputs.allSatisfy(\.isDirect)
            result.isRetimed = inputs.contains(where: \.isRetimed)
            result.isUnsteady = true
            return result
        case .repartition: return repartitioned(result)
        case .globalJoin: return result
        case .toTable, .aggregate, .reduce, .groupedAggregate, .cogroup: return aggregate(step, inputs, result.roots)
        case .tumbling, .hopping, .sliding, .session, .unlimited, .windowedCogroup: return windowed(&step, inputs)
        case .tableJoin, .leftTableJoin, .graceJoin: return lookUp(&step, first, inputs[1])
        case .join, .leftJoin, .outerJoin, .selfJoin: return streamJoin(&step, inputs)
        default: return tableStep(&step, inputs)
        }
    }

    /// The traits after an internal topic; nil if the plan must be one task.
    private func repartitioned(_ traits: Traits) -> Traits? {
        guard rule == .anyOrder else { return nil }
        var result = traits
        (result.isRekeyed, result.isDirect) = (false, false)
        // Records with unchanged keys come from one partition, in order; the task's other inputs have other times.
        result.isOrdered = traits.isOrdered
        return result
    }

    private func partitionedByKey(_ traits: Traits) -> Traits? { traits.isRekeyed ? repartitioned(traits) : traits }

    private mutating func aggregate(_ step: Step, _ inputs: [Traits], _ roots: Set<Int>) -> Traits? {
        var inputs = inputs
        if step.op == .groupedAggregate { inputs[0].isRekeyed = true }
        let partitioned = inputs.compactMap { partitionedByKey($0) }
        guard partitioned.count == inputs.count else { return nil }
        // The last record of a key is the row: there must be one order.
        if step.op == .toTable, rule == .anyOrder, !(inputs[0].isOrdered && partitioned[0].isDirect) { return nil }
        var result = partitioned[0]
        result.isDirect = partitioned.allSatisfy(\.isDirect)
        (result.shape, result.comparison) = (.table, .lastPerKey)
        result.isLive = step.op == .toTable
        result.isVersioned = false
        result.isOrdered = false
        result.isRetimed = inputs.contains(where: \.isRetimed)
        result.isUnsteady = step.op == .cogroup || inputs.contains { $0.isUnsteady || $0.isRekeyed }
        result.oldValues = step.op == .toTable || step.op == .reduce ? .exact : .initial
        result.roots = roots
        return result
    }

    private mutating func windowed(_ step: inout Step, _ inputs: [Traits]) -> Traits? {
        let partitioned = inputs.compactMap { partitionedByKey($0) }
        guard partitioned.count == inputs.count else { return nil }
        let isLate = inputs.contains(where: \.isRetimed)
        let isDirect = partitioned.allSatisfy(\.isDirect)
        step.sizeMs = span(5...40)
        if step.op == .unlimited || step.op == .windowedCogroup { step.closing = .onUpdate }
        // A window's end belongs to it, and a record may arrive there after the suppression has emitted the window,
        // which is then emitted twice.
        if step.op == .sliding, step.closing == .suppressed, rule == .anyOrder { step.closing = .onClose }
        switch rule {
        case .oneTask:
            step.graceMs = random.pick([0, 5, 30, 0, 5, 30, .max])
            // Held records are emitted all at once, and closed windows are searched for once a second.
            if isLate, step.closing == .onClose { step.closing = .onUpdate }
        // Each task has its own stream time: what is late under one setting must be late under none.
        case .anyOrder: step.graceMs = isDirect && !isLate ? 2 * disorderMs : Self.endlessMs
        }
        var result = partitioned[0]
        result.isDirect = isDirect
        (result.isRekeyed, result.isOrdered, result.isRetimed) = (true, false, true)
        result.hangsOnForgottenTime = isLate
        result.comparison = step.closing == .onUpdate ? .lastPerKey : .finals
        result.isTerminal = rule == .anyOrder
        return result
    }

    private mutating func lookUp(_ step: inout Step, _ stream: Traits, _ table: Traits) -> Traits? {
        if stream.isRekeyed { return nil }
        if step.op == .graceJoin {
            guard table.isVersioned, rule == .oneTask else { return nil }
            step.graceMs = random.pick([0, 5, 30, 0, 5, 30, .max])
            step.sizeMs = 1
        }
        // The record that is processed first decides. Within a task that is the one with the earlier time, if inputs
        // are in order and nothing is held back.
        if rule == .anyOrder {
            guard disorderMs == 0, stream.isDirect, stream.isOrdered, table.isDirect, table.isLive else { return nil }
        }
        var result = stream
        result.hangsOnForgottenTime = step.op == .graceJoin && stream.isRetimed
        if step.op == .graceJoin { result.isRetimed = true }
        return result
    }

    private mutating func streamJoin(_ step: inout Step, _ inputs: [Traits]) -> Traits? {
        let partitioned = inputs.compactMap { partitionedByKey($0) }
        guard partitioned.count == inputs.count else { return nil }
        step.sizeMs = span(5...40)
        // Stores on disk accept some records that those in memory refuse: nothing may be later than the retention.
        if inputs.contains(where: \.isRetimed) { return nil }
        var result = partitioned[0]
        result.isDirect = partitioned.allSatisfy(\.isDirect)
        switch rule {
        case .oneTask: step.graceMs = 2 * disorderMs + random.pick([0, 7, 0, 7, .max - 100])
        case .anyOrder:
            // One side may be read to its end before the other begins, so records without a match must wait
            // indefinitely.
            step.graceMs = Self.endlessMs
        }
        (result.isOrdered, result.comparison) = (false, .multiset)
        result.isRetimed = step.op == .leftJoin || step.op == .outerJoin
        // The first record after a restart searches for records that wait without a match. As in Kafka Streams, the
        // next search happens when the last one found may have expired, not the first: results come later than they
        // would have otherwise.
        result.hangsOnForgottenTime = result.isRetimed
        return result
    }

    private mutating func tableStep(_ step: inout Step, _ inputs: [Traits]) -> Traits? {
        var result = inputs[0]
        result.roots = inputs.reduce(into: []) { $0.formUnion($1.roots) }
        result.isRetimed = inputs.contains(where: \.isRetimed)
        result.isDirect = inputs.allSatisfy(\.isDirect)
        result.isUnsteady = result.isUnsteady || ![.mapRows, .filterRows, .toStream].contains(step.op)
        switch step.op {
        case .mapRows, .filterRows:
            // A filter leaves out deletions of rows that did not exist before, by the old values.
            if step.op == .filterRows, rule == .anyOrder, result.oldValues == .stale { return nil }
            if step.isStored { (result.isLive, result.oldValues) = (false, .exact) }
            result.isVersioned = false
            return result
        case .tableTableJoin, .leftTableTableJoin, .outerTableTableJoin:
            // If one record changes both sides, each may find the other row deleted, and no deletion is sent: as in
            // Kafka Streams.
            if rule == .anyOrder, !inputs[0].roots.isDisjoint(with: inputs[1].roots) { return nil }
            (result.isLive, result.isVersioned, result.isOrdered) = (false, false, false)
            let hasInitial = inputs.contains { $0.oldValues == .initial }
            result.oldValues = hasInitial ? .initial : step.isStored ? .exact : .stale
            return result
        case .foreignKeyJoin, .leftForeignKeyJoin:
            guard rule == .anyOrder else { return nil }
            if step.op.needsSteadyRows, inputs[0].isUnsteady { return nil }
            (result.isDirect, result.isLive, result.isVersioned, result.isOrdered) = (false, false, false, false)
            result.oldValues = .exact
            return result
        case .regroup, .regroupReduce:
            // Only values that were added may be subtracted.
            guard rule == .anyOrder, result.oldValues == .exact else { return nil }
            (result.isDirect, result.isLive, result.isVersioned, result.isOrdered) = (false, false, false, false)
            return result
        case .suppress:
            // What is still waiting at the end depends on the task's stream time.
            guard rule == .oneTask, !result.roots.contains(where: { traits[$0].isVersioned }) else { return nil }
            step.sizeMs = span(1...40)
            result.hangsOnForgottenTime = result.isRetimed
            (result.isLive, result.isRetimed, result.isVersioned) = (false, true, false)
            return result
        case .toStream:
            // The number of changes depends on what was held until a commit.
            guard rule == .oneTask else { return nil }
            (result.shape, result.isLive, result.isVersioned) = (.stream, false, false)
            return result
        default: return nil
        }
    }

    // MARK: Inputs

    private mutating func drawInputs() -> [InputRecord] {
        var topics: [[InputRecord]] = []
        var used: Set<Int64> = []
        let start: Int64 = random.pick([0, 10_000])
        let deletionPercent = random.pick([0, 20, 20])
        let steady = steps.filter(\.op.needsSteadyRows).reduce(into: Set<Int>()) {
            $0.formUnion(traits[$1.inputs[0]].roots)
        }
        for topic in 0..<5 {
            var records: [InputRecord] = []
            var time = start
            for _ in 0..<Int.random(in: 3...25, using: &random) {
                time += random.chance(3) ? 70_000 : Int64.random(in: 1...20, using: &random)
                var own = max(0, time - (random.chance(30) ? Int64.random(in: 0...disorderMs, using: &random) : 0))
                while !used.insert(own).inserted { own += 1 }
                time = max(time, own)
                let isDeletion = topic >= 2 && random.chance(deletionPercent)
                let (key, value) = (random.pick(Self.keys), "\(Int.random(in: 0..<40, using: &random))")
                if steady.contains(topic), records.contains(where: { $0.key == key }) { continue }
                records.append(
                    InputRecord(topic: "in-\(topic)", key: key, value: isDeletion ? nil : value, time: own))
            }
            topics.append(records)
        }
        // A global table is read before anything else, whatever its times.
        let inputs = topics[4] + Self.merged(Array(topics[..<4]))
        return random.chance(25) ? spread(inputs) : inputs
    }

    /// The same records in the same order, spread up to the last possible timestamp. Where times go back, the distances
    /// stay the same, so that late records stay late.
    private mutating func spread(_ inputs: [InputRecord]) -> [InputRecord] {
        let newest = inputs.map(\.time).max() ?? 0
        let room = Int64.max - newest - random.pick([0, 0, 1, 50])
        let pivot = disorderMs == 0 && rule == .oneTask ? random.pick(inputs).time : 0
        let shift = random.chance(50) ? room : Int64.random(in: 0...room, using: &random)
        return inputs.map { input in
            var input = input
            if input.time >= pivot { input.time += shift }
            return input
        }
    }

    /// A length in the usual range, or one so long that no time is beyond it.
    private mutating func span(_ usual: ClosedRange<Int64>) -> Int64 {
        let length = Int64.random(in: usual, using: &random)
        return random.chance(4) ? random.pick([.max, .max - 1, .max / 2]) : length
    }

    /// Merged in the order in which a single task takes them: the oldest first.
    static func merged(_ topics: [[InputRecord]]) -> [InputRecord] {
        var rest = topics.map { $0[...] }
        var merged: [InputRecord] = []
        while let next = rest.indices.filter({ !rest[$0].isEmpty }).min(by: {
            rest[$0][rest[$0].startIndex].time < rest[$1][rest[$1].startIndex].time
        }) {
            merged.append(rest[next].removeFirst())
        }
        return merged
    }
}
