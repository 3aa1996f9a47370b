/// Shrinks a failing plan while it still fails: removes inputs in halves, quarters and so on, then steps that no other
/// step reads.
struct Shrinker {
    private(set) var plan: Plan
    private(set) var difference: String
    private var triesLeft = 300

    init(_ plan: Plan, _ difference: String) {
        (self.plan, self.difference) = (plan, difference)
        while shrinkSteps() || shrinkInputs() {}
    }

    /// Keeps the plan if it still fails.
    private mutating func take(_ smaller: Plan) -> Bool {
        guard triesLeft > 0 else { return false }
        triesLeft -= 1
        guard let found = Agreement(plan: smaller).difference() else { return false }
        (plan, difference) = (smaller, found)
        return true
    }

    private mutating func shrinkInputs() -> Bool {
        var size = plan.inputs.count / 2
        while size >= 1 {
            for start in stride(from: 0, to: plan.inputs.count, by: size) {
                var smaller = plan
                smaller.inputs.removeSubrange(start..<min(start + size, plan.inputs.count))
                if take(smaller) { return true }
            }
            size /= 2
        }
        return false
    }

    private mutating func shrinkSteps() -> Bool {
        for step in plan.unread.reversed() {
            var smaller = plan
            let removed = smaller.steps.remove(at: step)
            if removed.inputs.isEmpty { smaller.inputs.removeAll { $0.topic == "in-\(removed.number)" } }
            smaller.traits.remove(at: step)
            for index in smaller.steps.indices {
                smaller.steps[index].inputs = smaller.steps[index].inputs.map { $0 > step ? $0 - 1 : $0 }
            }
            if !smaller.outputs.isEmpty, take(smaller) { return true }
        }
        return false
    }
}
