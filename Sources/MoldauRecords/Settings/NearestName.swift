extension Sequence<String> {
    /// The name with the smallest edit distance to `name`; of several the alphabetically first. nil if there are no
    /// names.
    package func nearest(to name: String) -> String? {
        map { (distance: Self.distance($0, name), name: $0) }.min { $0 < $1 }?.name
    }

    private static func distance(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        var before = Array(0...right.count)
        for (row, byte) in left.enumerated() {
            var now = [row + 1]
            for column in right.indices {
                let changed = before[column] + (right[column] == byte ? 0 : 1)
                now.append(Swift.min(changed, before[column + 1] + 1, now[column] + 1))
            }
            before = now
        }
        return before[right.count]
    }
}
