#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The time, and what all threads of the process have used, in seconds.
struct ProcessTimes {
    let wall: Double
    let cpu: Double

    static var now: ProcessTimes {
        ProcessTimes(wall: seconds(CLOCK_MONOTONIC), cpu: seconds(CLOCK_PROCESS_CPUTIME_ID))
    }

    /// What has passed since.
    func since(_ begin: ProcessTimes) -> ProcessTimes {
        ProcessTimes(wall: wall - begin.wall, cpu: cpu - begin.cpu)
    }

    private init(wall: Double, cpu: Double) { (self.wall, self.cpu) = (wall, cpu) }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
