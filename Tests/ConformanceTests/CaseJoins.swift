import Moldau
import MoldauRecords
import MoldauState
import MoldauTopology

extension CaseTopology {
    func foreignKeyJoin(_ step: CaseStep, _ left: Table, _ right: Table) throws -> Table {
        let (joiner, foreignKey) = (try step.function("joiner"), try step.function("fk"))
        let store = try store(step, left.key, .string)
        let apply: @Sendable (Datum?, Datum?) throws -> Datum? = {
            try joiner(Arguments(left: $0 ?? .null, right: $1 ?? .null)).row
        }
        let on: @Sendable (Datum, Datum) throws -> Datum? = { try foreignKey($0, $1).row }
        let (value, otherValue, result) = (left.value.serde, right.value.serde, Kind.string.serde)
        let table: KTable<Datum, Datum> =
            step.text("kind") == "left"
            ? left.table.leftJoin(
                right.table, on: on, value: value, otherValue: otherValue, result: result, as: store,
                named: step.named
            ) { try apply($0, $1) }
            : left.table.join(
                right.table, on: on, value: value, otherValue: otherValue, result: result, as: store,
                named: step.named
            ) { try apply($0, $1) }
        return (table, left.key, .string)
    }

    func streamJoin(_ step: CaseStep, _ left: Stream, _ right: Stream) throws -> Stream {
        let joiner = try step.function("joiner")
        let apply: @Sendable (Datum, Datum??, Datum??) throws -> Datum? = {
            try joiner(Arguments(key: $0, left: ($1 ?? nil) ?? .null, right: ($2 ?? nil) ?? .null)).row
        }
        let (windows, stores) = (try step.joinWindows(), step.text("storeName"))
        var options = BufferStoreOptions()
        if step.text("storeKind") == "inmemory" { options.kind = .inMemory }
        let (key, value, otherValue) = (left.key.serde, left.value.serde.optional, right.value.serde.optional)
        let joined: KStream<Datum, Datum?> =
            switch step.text("kind") {
            case "left":
                left.stream.leftJoin(
                    right.stream, within: windows, key: key, value: value, otherValue: otherValue, named: step.named,
                    storesNamed: stores, options: options
                ) { try apply($0, $1, $2) }
            case "outer":
                left.stream.outerJoin(
                    right.stream, within: windows, key: key, value: value, otherValue: otherValue, named: step.named,
                    storesNamed: stores, options: options
                ) { try apply($0, $1, $2) }
            default:
                left.stream.join(
                    right.stream, within: windows, key: key, value: value, otherValue: otherValue, named: step.named,
                    storesNamed: stores, options: options
                ) { try apply($0, $1, $2) }
            }
        return (joined, left.key, .string)
    }
}

extension CaseStep {
    fileprivate func joinWindows() throws -> JoinWindows {
        func milliseconds(_ field: String) -> Duration? { json[field]?.integer.map { .milliseconds($0) } }
        if let difference = milliseconds("legacyOf") {
            // The older API has a grace of one day by default.
            let grace = milliseconds("grace") ?? .milliseconds(86_400_000) - difference - difference
            return JoinWindows(difference: difference, grace: grace, unmatched: .atOnce)
        }
        guard json["thisStore"] == nil, json["otherStore"] == nil, let grace = milliseconds("grace"),
            let before = milliseconds("before") ?? milliseconds("diff"),
            let after = milliseconds("after") ?? milliseconds("diff")
        else { throw Unsupported(what: "this kind of join") }
        return JoinWindows(before: before, after: after, grace: grace)
    }
}
