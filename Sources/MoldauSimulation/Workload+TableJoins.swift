import MoldauRecords

extension Workload {
    func joinComplaints(
        _ orders: [ReadRecord], _ customers: [ReadRecord], _ outputs: [ReadRecord], isExact: Bool
    ) -> [String] {
        let rows = customers.valuesByKey
        var complaints = sequenceComplaints(orders, outputs.map { $0.with(value: $0.parts.order) }, isExact: isExact)
        for (key, values) in outputs.byKey {
            var last = -1
            for value in values.map({ ReadRecord.parts(of: $0).row }) {
                let version = value == "-" ? -1 : rows[key]?.firstIndex(of: value)
                guard let version else {
                    // Results of rows that were lost before they were acknowledged may remain.
                    guard isExact else { continue }
                    complaints.append("\(key) was joined with \(value), which is no row of it")
                    continue
                }
                if isExact && version < last { complaints.append("\(key) was joined with \(value) after a newer row") }
                last = version
            }
        }
        return complaints
    }

    /// Updates may overtake each other, so intermediate results are left to chance. The last result is not.
    func foreignKeyComplaints(
        _ orders: [ReadRecord], _ customers: [ReadRecord], _ outputs: [ReadRecord], isExact: Bool
    ) -> [String] {
        let rows = customers.valuesByKey.compactMapValues { $0.last.flatMap(Self.row) }
        let (last, got) = (orders.valuesByKey.mapValues { $0.last ?? "" }, outputs.valuesByKey)
        let known = Set(orders.map(\.value) + customers.map(\.value) + ["-", ""])
        var complaints: [String] = []
        for key in Set(last.keys).union(got.keys).sorted() {
            let order = last[key].flatMap(Self.row)
            let row = order.flatMap { rows[Self.foreignKey($0)] }
            // A deleted result is an empty value; no result at all is just as good.
            var expected = ""
            if let order { expected = row.map { "\(order)|\($0)" } ?? (self == .foreignKeyJoin ? "" : "\(order)|-") }
            let result = got[key]?.last ?? ""
            if result == expected { continue }
            let parts = ReadRecord.parts(of: result)
            // Results of input that was lost before it was acknowledged may remain.
            if !isExact, !known.contains(parts.order) || !known.contains(parts.row) { continue }
            complaints.append("\(key): the last result is '\(result)', expected '\(expected)'")
        }
        return complaints
    }

    /// A global table is read beside the orders: which row an order is joined with is left to chance, but it must be
    /// one of its key, and the last one if there was time.
    func globalJoinComplaints(_ orders: [ReadRecord], _ table: [ReadRecord], _ outcome: Outcome) -> [String] {
        let rows = table.valuesByKey
        var complaints = sequenceComplaints(
            orders, outcome.outputs.map { $0.with(value: $0.parts.order) }, isExact: outcome.isExact)
        for output in outcome.outputs {
            let (order, row) = output.parts
            let own = rows[output.key] ?? []
            if row != "-", !own.contains(row), !(outcome.formerRows[output.key] ?? []).contains(row), outcome.isExact {
                complaints.append("\(output.key) was joined with \(row), which is no row of it")
            }
            if outcome.last.contains(order), row != own.last ?? "-" {
                complaints.append("\(output.key): \(order) met \(row), and the table has \(own.last ?? "-")")
            }
        }
        return complaints
    }
}
