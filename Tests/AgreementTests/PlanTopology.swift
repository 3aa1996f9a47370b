import Moldau

/// Builds a plan's topology through the public DSL.
struct PlanTopology {
    typealias Stream = KStream<String, String>
    typealias Table = KTable<String, String>

    private enum Place {
        case stream(Stream)
        case table(Table)
        case global(GlobalKTable<String, String>)
        /// The changes of windows, with the window in the key; nil is a deletion.
        case changes(KStream<String, String?>)
    }

    private let streams: StreamsBuilder
    /// How much longer windows are kept than they must be.
    private let moreRetentionMs: Int64
    private var places: [Place] = []

    static func build(_ plan: Plan, _ options: TopologyOptions, moreRetentionMs: Int64 = 0) throws -> Topology {
        try Topology(options) { streams in
            var building = PlanTopology(streams, moreRetentionMs)
            for (index, step) in plan.steps.enumerated() {
                building.places.append(try building.place(step, "step\(index)"))
            }
            for step in plan.outputs { building.write(step) }
        }
    }

    private init(_ streams: StreamsBuilder, _ moreRetentionMs: Int64) {
        (self.streams, self.moreRetentionMs) = (streams, moreRetentionMs)
    }

    private func retention(_ step: Step) -> Duration? {
        // With an endless grace, windows stay anyway.
        guard moreRetentionMs > 0, step.op != .unlimited, step.graceMs < .max / 4 else { return nil }
        let neededMs = (step.op == .sliding ? 2 : 1) * step.sizeMs + step.graceMs
        return .milliseconds(neededMs + moreRetentionMs)
    }

    private func write(_ step: Int) {
        let topic = Topic<String, String>(Plan.topic(ofOutput: step))
        switch places[step] {
        case .stream(let stream): stream.to(topic)
        case .table(let table): table.toStream().to(topic)
        case .changes(let changes): changes.to(topic)
        case .global: break
        }
    }

    private struct WrongShape: Error { let step: Int }

    private func stream(_ step: Int) throws -> Stream {
        switch places[step] {
        case .stream(let stream): return stream
        case .changes(let changes): return changes.mapValues { $0 ?? "none" }
        default: throw WrongShape(step: step)
        }
    }

    private func table(_ step: Int) throws -> Table {
        guard case .table(let table) = places[step] else { throw WrongShape(step: step) }
        return table
    }

    private func place(_ step: Step, _ name: String) throws -> Place {
        switch step.op {
        case .stream: return .stream(streams.stream(Topic("in-\(step.number)")))
        case .table: return .table(streams.table(Topic("in-\(step.number)")))
        case .versionedTable:
            let store = VersionedStoreName<String, String>(
                "\(name)-store", historyRetention: .milliseconds(PlanGenerator.endlessMs))
            return .table(streams.table(Topic("in-\(step.number)"), as: store))
        case .globalTable: return .global(streams.globalTable(Topic("in-\(step.number)")))
        case .mapValues, .filter, .selectKey, .map, .flatMap, .flatMapValues, .split, .merge, .repartition:
            return .stream(try stateless(step, name))
        case .toTable, .aggregate, .reduce, .groupedAggregate, .cogroup: return .table(try aggregate(step, name))
        case .tumbling, .hopping, .sliding, .session, .unlimited, .windowedCogroup:
            return .changes(try windowed(step, name))
        case .tableJoin, .leftTableJoin, .graceJoin, .globalJoin: return .stream(try lookUp(step))
        case .join, .leftJoin, .outerJoin, .selfJoin: return .stream(try streamJoin(step))
        case .toStream: return .stream(try table(step.inputs[0]).toStream().mapValues { $0 ?? "none" })
        default: return .table(try tableStep(step, name))
        }
    }

    private func stateless(_ step: Step, _ name: String) throws -> Stream {
        let (stream, functions) = (try stream(step.inputs[0]), PlanFunctions(number: step.number))
        switch step.op {
        case .mapValues: return stream.mapValues { functions.map($0) }
        case .filter: return stream.filter { functions.keeps($0, $1) }
        case .selectKey: return stream.selectKey { functions.key($1) }
        case .map: return stream.map { (functions.key($0 + $1), functions.map($1)) }
        case .flatMap: return stream.flatMap { _, value in functions.parts(value).map { (functions.key($0), $0) } }
        case .flatMapValues: return stream.flatMapValues { functions.parts($0) }
        case .merge: return stream.merge(try self.stream(step.inputs[1]))
        case .split:
            let split = stream.split(named: "\(name)-")
            let (kept, rest) = (split.branch("kept") { functions.keeps($0, $1) }, split.defaultBranch("rest"))
            return kept.mapValues { functions.map($0) }.merge(rest)
        default: return stream.repartition()
        }
    }

    private func aggregate(_ step: Step, _ name: String) throws -> Table {
        let (stream, functions) = (try stream(step.inputs[0]), PlanFunctions(number: step.number))
        switch step.op {
        case .toTable: return stream.toTable()
        case .reduce:
            return stream.mapValues { PlanFunctions.digest($0) }.groupByKey().reduce {
                PlanFunctions.uniting($0, $1)
            }
        case .groupedAggregate:
            return stream.groupBy { functions.key($1) }.aggregate("") { aggregate, _, value in
                aggregate = PlanFunctions.adding(value, to: aggregate)
            }
        case .cogroup: return try cogroup(step, name).aggregate("")
        default:
            guard step.number % 2 == 0 else { return stream.groupByKey().count().mapValues { "\($0)" } }
            return stream.groupByKey().aggregate("") { aggregate, _, value in
                aggregate = PlanFunctions.adding(value, to: aggregate)
            }
        }
    }

    private func cogroup(_ step: Step, _ name: String) throws -> CogroupedKStream<String, String> {
        let (left, right) = (try stream(step.inputs[0]), try stream(step.inputs[1]))
        return left.groupByKey(named: "\(name)-left").cogroup { aggregate, _, value in
            aggregate = PlanFunctions.adding("l" + value, to: aggregate)
        }.cogroup(right.groupByKey(named: "\(name)-right")) { aggregate, _, value in
            aggregate = PlanFunctions.adding("r" + value, to: aggregate)
        }
    }

    // MARK: Windows

    private func windowed(_ step: Step, _ name: String) throws -> KStream<String, String?> {
        let (size, grace) = (Duration.milliseconds(step.sizeMs), Duration.milliseconds(step.graceMs))
        let emit: EmitStrategy = step.closing == .onClose ? .onWindowClose : .onWindowUpdate
        if step.op == .windowedCogroup {
            return changes(
                try cogroup(step, name).windowedBy(.tumbling(size, grace: grace)).aggregate(
                    "", as: Materialized(retention: retention(step))), step)
        }
        let grouped = try stream(step.inputs[0]).groupByKey()
        if step.op == .session {
            let sessions = grouped.windowedBy(.sessions(gap: size, grace: grace), emit: emit)
            let table = sessions.aggregate(
                "", as: Materialized(retention: retention(step)),
                into: { aggregate, _, value in aggregate = PlanFunctions.adding(value, to: aggregate) },
                merging: { aggregate, _, other in aggregate = PlanFunctions.uniting(aggregate, other) })
            return changes(table, step)
        }
        let windows: TimeWindows =
            switch step.op {
            case .hopping:
                .hopping(size, every: .milliseconds(max(1, step.sizeMs / Int64(2 + step.number % 3))), grace: grace)
            case .sliding: .sliding(size, grace: grace)
            default: .tumbling(size, grace: grace)
            }
        let windowed =
            step.op == .unlimited ? grouped.windowedBy(.unlimited()) : grouped.windowedBy(windows, emit: emit)
        let table = windowed.aggregate("", as: Materialized(retention: retention(step))) { aggregate, _, value in
            aggregate = PlanFunctions.adding(value, to: aggregate)
        }
        return changes(table, step)
    }

    private func changes(_ table: KTable<Windowed<String>, String>, _ step: Step) -> KStream<String, String?> {
        let table = step.closing == .suppressed ? table.suppress(.untilWindowCloses()) : table
        return table.toStream { key, _ in "\(key)" }
    }

    // MARK: Joins of streams

    private func lookUp(_ step: Step) throws -> Stream {
        let (stream, functions) = (try stream(step.inputs[0]), PlanFunctions(number: step.number))
        if step.op == .globalJoin {
            guard case .global(let table) = places[step.inputs[1]] else { throw WrongShape(step: step.inputs[1]) }
            return stream.leftJoin(
                table, on: { _, value in functions.key(value) }, key: String.serde, value: String.serde
            ) { _, _, value, row in functions.join(value, row) }
        }
        let table = try table(step.inputs[1])
        switch step.op {
        case .tableJoin: return stream.join(table) { functions.join($0, $1) }
        case .leftTableJoin: return stream.leftJoin(table) { functions.join($0, $1) }
        default: return stream.leftJoin(table, grace: .milliseconds(step.graceMs)) { functions.join($0, $1) }
        }
    }

    private func streamJoin(_ step: Step) throws -> Stream {
        let (stream, functions) = (try stream(step.inputs[0]), PlanFunctions(number: step.number))
        let windows = JoinWindows(
            before: .milliseconds(step.sizeMs), after: .milliseconds(step.sizeMs / Int64(1 + step.number % 3)),
            grace: .milliseconds(step.graceMs))
        switch step.op {
        case .selfJoin: return stream.join(stream, within: windows) { functions.join($0, $1) }
        case .join: return stream.join(try self.stream(step.inputs[1]), within: windows) { functions.join($0, $1) }
        case .leftJoin:
            return stream.leftJoin(try self.stream(step.inputs[1]), within: windows) { functions.join($0, $1) }
        default:
            return stream.outerJoin(try self.stream(step.inputs[1]), within: windows) { functions.join($0, $1) }
        }
    }

    // MARK: Tables

    private func tableStep(_ step: Step, _ name: String) throws -> Table {
        let (table, functions) = (try table(step.inputs[0]), PlanFunctions(number: step.number))
        let store = step.isStored ? TableStoreName<String, String>("\(name)-store") : nil
        switch step.op {
        case .mapRows: return table.mapValues(as: store) { functions.map($0) }
        case .filterRows: return table.filter(as: store) { functions.keeps($0, $1) }
        case .suppress: return table.suppress(.untilTimeLimit(.milliseconds(step.sizeMs)))
        case .regroup:
            return table.groupBy { _, value in functions.foreignKey(value).map { ($0, value) } }.aggregate(
                { "" }, result: String.serde, as: store,
                adding: { aggregate, _, value in PlanFunctions.adding(value, to: aggregate) },
                subtracting: { aggregate, _, value in PlanFunctions.removing(value, from: aggregate) })
        case .regroupReduce:
            return table.groupBy { _, value in functions.foreignKey(value).map { ($0, PlanFunctions.digest(value)) } }
                .reduce(
                    as: store, adding: { PlanFunctions.uniting($0, $1) },
                    subtracting: { PlanFunctions.removing(digest: $1, from: $0) })
        default: return try tableJoin(step, store, table, try self.table(step.inputs[1]))
        }
    }

    private func tableJoin(
        _ step: Step, _ store: TableStoreName<String, String>?, _ left: Table, _ right: Table
    ) throws -> Table {
        let functions = PlanFunctions(number: step.number)
        switch step.op {
        case .tableTableJoin: return left.join(right, as: store) { functions.join($0, $1) }
        case .leftTableTableJoin: return left.leftJoin(right, as: store) { functions.join($0, $1) }
        case .outerTableTableJoin: return left.outerJoin(right, as: store) { functions.join($0, $1) }
        case .foreignKeyJoin:
            return left.join(right, on: { functions.key($0) }, as: store) { functions.join($0, $1) }
        default:
            return left.leftJoin(right, on: { functions.foreignKey($0) }, as: store) { functions.join($0, $1) }
        }
    }
}
