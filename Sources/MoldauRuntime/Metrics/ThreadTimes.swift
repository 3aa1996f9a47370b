import MoldauRecords

/// How long the activities of a stream thread take. Measured once per round and activity, not per record.
struct ThreadTimes: Sendable {
    /// The activities in a round.
    enum Activity: Int, CaseIterable { case poll, process, commit }

    private var activities = Activity.allCases.map { _ in ActivityTimes() }

    subscript(activity: Activity) -> ActivityTimes { activities[activity.rawValue] }

    mutating func add(_ duration: Duration, of activity: Activity, at now: Duration) {
        activities[activity.rawValue].add(duration, at: now)
    }
}

/// The durations of an activity: recently, and in total.
struct ActivityTimes: Sendable {
    private(set) var count: Int64 = 0
    private(set) var seconds = 0.0
    private var recent = RecentValues(LatencyHistogram(bits: 4))

    /// - Parameter now: by the monotonic clock.
    mutating func add(_ duration: Duration, at now: Duration) {
        let seconds = duration / .seconds(1)
        count += 1
        self.seconds += max(0, seconds)
        recent.update(at: now) { $0.add(seconds) }
    }

    /// The count and sum since the start, and quantiles of the last 30 to 60 seconds.
    func summary(at now: Duration) -> MetricSample.Value {
        let histogram = lately(at: now)?.histogram
        let quantiles = histogram.map { histogram in
            [0.5, 0.99].map {
                MetricSample.Quantile(share: $0, seconds: histogram.percentileMs($0) / 1_000)
            }
        }
        return .summary(count: count, sum: seconds, quantiles: quantiles ?? [])
    }

    /// The longest recent duration, in seconds.
    func longest(at now: Duration) -> Double { lately(at: now)?.histogram.longest ?? 0 }

    /// The recent share of time that it took.
    func ratio(at now: Duration) -> Double {
        guard let (histogram, since) = lately(at: now), now > since else { return 0 }
        return min(1, histogram.sum / ((now - since) / .seconds(1)))
    }

    private func lately(at now: Duration) -> (histogram: LatencyHistogram, since: Duration)? {
        guard let (windows, since) = recent.recent(at: now), var all = windows.first else { return nil }
        for window in windows.dropFirst() { all.add(window) }
        return all.count == 0 ? nil : (all, since)
    }
}
