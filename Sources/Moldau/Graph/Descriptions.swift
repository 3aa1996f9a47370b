import MoldauRecords
import MoldauTopology

// How the DSL's own values describe themselves in `OperatorDescription`.

extension Emission {
    var described: EmissionDescription {
        switch self {
        case .everyChange: .everyChange
        case .lastPerCommit: .lastPerCommit
        }
    }
}

extension EmitStrategy {
    /// - Parameter emission: how windows are emitted before they close.
    func described(_ emission: Emission) -> EmissionDescription {
        self == .onWindowClose ? .onWindowClose : emission.described
    }
}

extension TimeWindows {
    var described: WindowDescription {
        switch shape {
        case .aligned(let advanceMs) where advanceMs == sizeMs: .tumbling(sizeMs: sizeMs, graceMs: graceMs)
        case .aligned(let advanceMs): .hopping(sizeMs: sizeMs, advanceMs: advanceMs, graceMs: graceMs)
        case .sliding: .sliding(differenceMs: sizeMs, graceMs: graceMs)
        case .unlimited(let start): .unlimited(startMs: start.ms)
        case .custom: .custom(sizeMs: sizeMs, graceMs: graceMs)
        }
    }
}

extension SessionWindows {
    var described: WindowDescription { .sessions(gapMs: gapMs, graceMs: graceMs) }
}

extension JoinWindows {
    var described: WindowDescription {
        .join(beforeMs: before.milliseconds, afterMs: after.milliseconds, graceMs: grace.milliseconds)
    }
}

extension Suppressed {
    /// - Parameter waitMs: the time limit, or the grace period of the windows upstream.
    func described(waitMs: Int64) -> SuppressionDescription {
        switch wait {
        case .time: .untilTimeLimit(ms: waitMs)
        case .grace: .untilWindowCloses(graceMs: waitMs)
        }
    }
}
