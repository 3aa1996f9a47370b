import Moldau
import MoldauRecords
import MoldauState
import MoldauTopology

extension CaseTopology {
    func foreignKeyJoin(_ step: CaseStep, _ left: Table, _ right: Table) throws -> Table {
        let (joiner, foreignKey) = (try step.function("joiner"), try step.function("fk"))
        let (store, options) = (try storeName(step, left.key, .string), try options(step))
        let apply: @Sendable (Datum?, Datum?) -> Datum? = {
            joiner(Arguments(left: $0 ?? .null, right: $1 ?? .null)).row
        }
        let on: @Sendable (Datum, Datum) -> Datum? = { foreignKey($0, $1).row }
        let (value, otherValue, result) = (left.value.serde, right.value.serde, Kind.string.serde)
        let table: KTable<Datum, Datum> =
            step.text("kind") == "left"
            ? left.table.leftJoin(
                right.table, on: on, value: value, otherValue: otherValue, result: result, as: store,
                named: step.named, options: options
            ) { apply($0, $1) }
            : left.table.join(
                right.table, on: on, value: value, otherValue: otherValue, result: result, as: store,
                named: step.named, options: options
            ) { apply($0, $1) }
        return (table, left.key, .string)
    }
}
